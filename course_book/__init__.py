"""What authors run: execute and check chapters, make the generated pages, build the book, run the whole course once."""
