"""The recipe language: what a YAML file may say, how it is checked, and the built-in recipes."""
