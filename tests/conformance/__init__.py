"""What every implementation of a contract must do, as classes of tests to inherit from."""
