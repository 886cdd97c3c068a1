"""BERTopic as a peer, in an environment of its own because its packages are none of ours."""
