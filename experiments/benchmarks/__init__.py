"""What parts of ontime cost: training sets, features, monitoring runs."""
