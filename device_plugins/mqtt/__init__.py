"""Devices that speak MQTT, by the conventions people have.

description convention   what the plugin and the conventions say to each other; pure
conventions/             one module or package a convention, loaded on first use
"""
