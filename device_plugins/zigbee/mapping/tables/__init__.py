"""The tables, one module a family of clusters; `sources` puts them together."""
