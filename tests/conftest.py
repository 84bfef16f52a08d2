"""Options and fixtures shared by every level of tests."""
