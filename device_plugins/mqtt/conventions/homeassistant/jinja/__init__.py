"""As much of Jinja2's language as value templates need, without loops, and with each step and each size bounded.

lexer    the text of a template in tokens
values   what an expression is worth: numbers, texts, what is not there; their bounds
words    filters, tests, functions and methods
parser   tokens to nodes, and the bounds of their number and depth
blocks   a whole template: texts, outputs, if and set

It is no part of Jinja2 and runs none of it: there is no attribute to reach, nothing that loops and nothing that grows.
Source: the template designer's documentation of Jinja2 3.1, and Home Assistant's of its filters.
"""
