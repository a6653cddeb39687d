"""The MCP server: the integration layer for agents that speak the Model Context Protocol."""
