"""Pages made of several packages: the home of each role, health."""
