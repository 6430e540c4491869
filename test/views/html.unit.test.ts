import { describe, expect, it } from 'vitest';
import { html, render, renderDocument, svg, type Value } from '../../views/html.ts';

describe('html', () => {
  it('escapes text and attributes, also where uhtml itself does not', () => {
    expect(render(html`<p title=${'"><i>'}>${'<b>&'}</p>`)).toBe('<p title="&quot;&gt;&lt;i&gt;">&lt;b&gt;&amp;</p>');
    expect(render(html`<textarea name="a">${'</textarea><script>1</script>'}</textarea>`)).not.toContain('<script>');
    expect(render(html`<title>${'</title><script>1</script>'}</title>`)).not.toContain('<script>');
  });
  it('prints nothing for null, undefined and booleans, in text, lists and attributes', () => {
    expect(render(html`<p title=${false} data-a=${null} ?hidden=${false}>${false}${true}${null}${undefined}${0}</p>`)).toBe('<p>0</p>');
    expect(render(html`<ul>${[html`<li>${1}</li>`, null, false, '<x>', [html`<li>2</li>`]]}</ul>`)).toBe('<ul><li>1</li>&lt;x&gt;<li>2</li></ul>');
    expect(render(html`<p ?hidden=${1}></p>`)).toBe('<p hidden></p>');
  });
  it('takes text, pieces, lists and nothing at the same place, in any order', () => {
    const at = (v: Value) => render(html`<p>${v}</p>`);
    const seen = [[html`<b>1</b>`, html`<b>2</b>`], html`<i>x</i>`, 'text', null, [html`<b>3</b>`], html`<i>y</i>`, [], 7, 'z'].map(at);
    expect(seen).toEqual(['<p><b>1</b><b>2</b></p>', '<p><i>x</i></p>', '<p>text</p>', '<p></p>', '<p><b>3</b></p>', '<p><i>y</i></p>', '<p></p>', '<p>7</p>', '<p>z</p>']);
  });
  it('keeps the space at either end of a piece, and adds none', () => {
    const piece = html` <b>${'x'}</b> `;
    expect(render(html`<p>a${piece}b</p>`)).toBe('<p>a <b>x</b> b</p>');
    expect(render(html`<p>${html`
      <i>${1}</i>
    `}</p>`)).toBe('<p><i>1</i></p>');
    expect(render(html`<p>${' &#32;'}</p>`)).toBe('<p> &amp;#32;</p>');
  });
  it('lets no script address through', () => {
    for (const bad of ['javascript:alert(1)', ' java\tscript:alert(1)', 'data:text/html,x', '//evil.example/x', '/\\evil.example', 'vbscript:x']) {
      expect(render(html`<a href=${bad}>x</a>`)).toBe('<a href="#">x</a>');
    }
    expect(render(html`<a href=${'/accounts?x=1'}>x</a>`)).toContain('/accounts?x=1');
  });
  it('refuses holes where no escaping helps', () => {
    expect(() => html`<script>${'x'}</script>`).toThrow(/<script>/);
    expect(() => html`<p onclick=${'x'}></p>`).toThrow(/onclick/);
    expect(() => html`<title>${'x'} more</title>`).toThrow(/one hole/);
    expect(() => html`<p style=${'x'}></p>`).toThrow(/style/);
  });
  it('puts the doctype back and keeps SVG', () => {
    expect(renderDocument(html`<html lang=${'en'}><body>${[svg`<g></g>`].length}</body></html>`)).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(render(html`<svg>${[svg`<rect x=${1} />`]}</svg>`)).toMatch(/<rect x="1" ?\/>/);
  });
});
