import type { ToolInfo } from '../tools/registry.ts';

/** What an MCP server stands on: the same for the page's process and for a terminal. Every call throws an error whose message says what to do. */
export type McpBackend = {
  version: string;
  tools(): ToolInfo[];
  runTool(agent: string, tool: string, args: Record<string, unknown>): Promise<unknown>;
  listAgents(): Promise<object[]>;
  createAgent(fields: Record<string, unknown>): Promise<object>;
  closeAgent(agent: string): Promise<object>;
  createTask(fields: Record<string, unknown>): Promise<object>;
  getTask(task: string): Promise<object>;
  cancelTask(task: string): Promise<object>;
};
