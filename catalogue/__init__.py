"""What is sold: the brand's products."""
