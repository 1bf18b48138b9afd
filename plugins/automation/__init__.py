"""Automations: rules in TOML and short Python files that react to what happens in the home.

    files → definitions → automations → triggers → runs

`rules` and `python_files` read files into `definition`s. `automation` binds a definition to the home: names become
ids (`directory`), and `triggers`, `conditions` and `actions` become closures, so that a state change reaches the
first action by a direct call. `runner` carries out the runs of one automation.
"""
