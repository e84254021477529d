"""What the scripts that measure a server share: a model, servers, clients, and the checking and printing of answers."""
