"""What `dari doctor` can find wrong, where it looks, and the cure for each."""
