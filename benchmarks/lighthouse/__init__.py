"""The pages a reseller opens first, judged by Lighthouse as a phone shows them: `make lighthouse`."""
