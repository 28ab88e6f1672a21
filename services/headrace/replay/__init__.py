"""`headrace replay`: the rules of a service over the history of a topic, into versioned outputs beside the live ones.

Everything that a replay writes has its name at the end: outputs, dead letters, changelog, group and transactional ids.
So the live service is not touched before the switch, and then only while it stands still.
"""
