//! The Python surface (`pyro_mcp._native`). Its place in the house; it is built with its own issue.
