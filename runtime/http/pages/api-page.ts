import { apiDocs, type ApiModel, type ApiOperation } from '../../../views/api-docs.ts';
import { openApi } from '../api/openapi.ts';
import { isTls } from '../guard.ts';
import { groupBy } from '../group-by.ts';
import { context, showPage } from '../page.ts';
import { page, type Route } from '../routes.ts';

type Operation = { tags: string[]; summary: string; 'x-scope': string; 'x-canonical'?: string; parameters: { name: string; in: string; required: boolean; description?: string }[]; requestBody?: { content: { 'application/json': { schema: unknown } } }; responses: Record<string, { description: string }> };

/** The OpenAPI document as a page; what only repeats another path is left out. */
export const apiPages = (table: () => readonly Route[]): Route[] => [
  page('get', '/api', 'read', (call) => {
    const x = context(call);
    return showPage(call, x, { title: 'API', topics: ['inbox', 'reply', 'notification'], main: apiDocs(x, modelOf(openApi(table(), call.d.version), `${isTls(call.c) ? 'https' : 'http'}://${new URL(call.c.req.url).host}`)) });
  }),
];

function modelOf(document: Record<string, unknown>, origin: string): ApiModel {
  const operations = Object.entries(document['paths'] as Record<string, Record<string, Operation>>).flatMap(([path, methods]) => Object.entries(methods).map(([method, o]) => ({ tag: o.tags[0]!, shown: shown(method, path, o) })));
  const groups = groupBy(operations.filter((o) => o.shown.canonical === null), (o) => o.tag);
  const info = document['info'] as { title: string; version: string };
  return { title: `${info.title} API`, version: info.version, origin, groups: [...groups].map(([tag, list]) => ({ tag, operations: list.map((o) => o.shown) })) };
}

const shown = (method: string, path: string, o: Operation): ApiOperation => ({
  method, path, summary: o.summary, tag: o.tags[0]!, scope: o['x-scope'], canonical: o['x-canonical'] ?? null,
  parameters: o.parameters.map((p) => ({ name: p.name, in: p.in, required: p.required, about: p.description ?? '' })),
  body: o.requestBody?.content['application/json'].schema ?? null,
  answers: Object.entries(o.responses).map(([status, r]) => ({ status, about: r.description })),
});
