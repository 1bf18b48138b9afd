"""What Homie 4 and Homie 5 have in common: properties with a datatype, made into features.

Source: https://homieiot.github.io/specification/ (the convention, versions 4.0.0 and 5.0.0).
"""
