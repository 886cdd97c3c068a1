"""The CausalImpact packages as peers, each in an environment of its own because none fits into ours."""
