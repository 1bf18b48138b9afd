"""What manufacturers put beside the ZCL, one module each; `sources` puts them together.

Facts only: numbers, words, ranges. Where the meaning of a number differs between models, the row names its models.
"""
