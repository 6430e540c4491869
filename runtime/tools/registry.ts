import { z } from 'zod';
import { click } from './all/click.ts';
import { cdpClick } from './all/cdp-click.ts';
import { closeWindow } from './all/close-window.ts';
import { cookies } from './all/cookies.ts';
import { download } from './all/download.ts';
import { execJs } from './all/exec-js.ts';
import { extract } from './all/extract.ts';
import { navigate } from './all/navigate.ts';
import { openWindow } from './all/open-window.ts';
import { pdf } from './all/pdf.ts';
import { press } from './all/press.ts';
import { screenshot } from './all/screenshot.ts';
import { scroll } from './all/scroll.ts';
import { select } from './all/select.ts';
import { snapshot } from './all/snapshot.ts';
import { type } from './all/type.ts';
import { upload } from './all/upload.ts';
import { waitFor } from './all/wait-for.ts';
import { loadJsonTools, type FailedTool } from './json-tool.ts';
import { nearest } from '../nearest.ts';
import type { Tool } from './tool.ts';
import { ToolFault } from './tool-fault.ts';

const BUILT_IN: readonly Tool[] = [openWindow, navigate, cdpClick, click, type, press, select, scroll, waitFor, execJs, extract, snapshot, screenshot, pdf, cookies, download, upload, closeWindow];

/** A tool as it is listed; `schema` and `output` are JSON Schema. `own`: it comes from a file of TROUPE_TOOLS_DIR. */
export type ToolInfo = { name: string; title: string; description: string; schema: object; output: object | null; own: boolean };

/** Every tool there is: the built-in ones, and one for each file of the folder. */
export class ToolRegistry {
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #own: ReadonlySet<string>;
  #listed: ToolInfo[] | null = null;
  /** Files that are no tool, each with the reason. */
  readonly failed: readonly FailedTool[];

  constructor(own: readonly Tool[] = [], failed: readonly FailedTool[] = []) {
    this.#tools = new Map([...own, ...BUILT_IN].map((t) => [t.name, t]));
    this.#own = new Set(own.map((t) => t.name));
    this.failed = failed;
  }

  get names(): string[] {
    return [...this.#tools.keys()];
  }

  has(name: string): boolean {
    return this.#tools.has(name);
  }

  /** Throws ToolFault `unknown-tool` with the nearest name. */
  find(name: string): Tool {
    const tool = this.#tools.get(name);
    if (tool) return tool;
    const near = nearest(name, this.names);
    throw new ToolFault('unknown-tool', `there is no tool ${name.slice(0, 60)}${near ? `: did you mean ${near}?` : `; there are ${this.names.join(', ')}`}`, 'tool');
  }

  list(): ToolInfo[] {
    return (this.#listed ??= [...this.#tools.values()].map((t) => ({ name: t.name, title: t.title, description: t.description, schema: jsonSchema(t.input, 'input'), output: t.output ? jsonSchema(t.output, 'output') : null, own: this.#own.has(t.name) })));
  }
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, unknown>;
  return rest;
}

/** The registry of this process. `dir` is TROUPE_TOOLS_DIR, null for none. */
export function openTools(dir: string | null): ToolRegistry {
  const { tools, failed } = dir === null ? { tools: [], failed: [] } : loadJsonTools(dir, BUILT_IN.map((t) => t.name));
  return new ToolRegistry(tools, failed);
}
