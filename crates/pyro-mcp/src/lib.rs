//! The MCP surface: tools and profiles over `pyro-core`. Its place in the house; it is built with its own issue.
