"""What the declarations say together, with disclosure control."""
