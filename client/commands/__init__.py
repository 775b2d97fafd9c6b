"""The sub-commands of `parley`: options and help texts, nothing that thinks."""
