import { PlatformFault, type Flow, type Io, type Step } from '../contract.ts';
import { formLogin } from './form-login.ts';
import { qrLogin, type QrSite } from './qr-login.ts';
import { sessionLogin } from './session-login.ts';

const LABELS: Record<Flow, string> = { qrcode: '扫码登录', cookies: '导入 Cookie', password: '账号密码', sms: '短信验证码' };

export const flowList = (flows: readonly Flow[]): { id: Flow; label: string }[] => flows.map((id) => ({ id, label: LABELS[id] }));

/** Starts one of a site's ways in. Throws `refused` for one that it does not have. */
export function startFlow(flow: string, flows: readonly Flow[], io: Io, site: QrSite, answer: (txn: string) => Promise<string>): AsyncGenerator<Step, void, void> {
  if (!(flows as readonly string[]).includes(flow)) throw new PlatformFault('refused', `${site.config.label} has no login flow "${flow}": use ${flows.join(', ')}`);
  if (flow === 'cookies') return sessionLogin(io, site);
  if (flow === 'password' || flow === 'sms') return formLogin(io, site, flow, answer);
  return qrLogin(io, site, answer);
}
