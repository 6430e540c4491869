import { accountFileApi } from './api/account-file-api.ts';
import { accountApi } from './api/account-api.ts';
import { agentApi } from './api/agent-api.ts';
import { actorApi } from './api/actor-api.ts';
import { alertApi } from './api/alert-api.ts';
import { configApi } from './api/config-api.ts';
import { fleetApi } from './api/fleet-api.ts';
import { machineApi } from './api/machine-api.ts';
import { messageApi } from './api/message-api.ts';
import { dataApi } from './api/data-api.ts';
import { notificationRuleApi } from './api/notification-rule-api.ts';
import { proxyApi } from './api/proxy-api.ts';
import { platformApi } from './api/platform-api.ts';
import { queueApi } from './api/queue-api.ts';
import { hubApi } from './api/hub-api.ts';
import { ruleApi } from './api/rule-api.ts';
import { talkApi } from './api/talk-api.ts';
import { scheduleApi } from './api/schedule-api.ts';
import { systemApi } from './api/system-api.ts';
import { taskApi } from './api/task-api.ts';
import { toolApi } from './api/tool-api.ts';
import { workerApi } from './api/worker-api.ts';
import { mcpRoutes } from './mcp-route.ts';
import type { Metrics } from './metrics.ts';
import { accountPages } from './pages/account-pages.ts';
import { actorPages } from './pages/actor-pages.ts';
import { alertPages } from './pages/alert-pages.ts';
import { apiPages } from './pages/api-page.ts';
import { doorRoutes } from './pages/door.ts';
import { fileRoutes } from './pages/file-routes.ts';
import { fleetDialogs } from './pages/fleet-dialogs.ts';
import { groupPages } from './pages/group-pages.ts';
import { inboxPages } from './pages/inbox-pages.ts';
import { livePages } from './pages/live-pages.ts';
import { loginPages } from './pages/login-pages.ts';
import { accountFilePages } from './pages/account-file-pages.ts';
import { oneAccountPages } from './pages/account-page.ts';
import { proxyPages } from './pages/proxy-pages.ts';
import { machinePages } from './pages/machine-pages.ts';
import { mapPages } from './pages/map-page.ts';
import { dataPages } from './pages/data-pages.ts';
import { notificationRulePages } from './pages/notification-rule-pages.ts';
import { notificationPages } from './pages/notification-pages.ts';
import { overviewPages } from './pages/overview-page.ts';
import { platformPages } from './pages/platform-pages.ts';
import { replyPages } from './pages/reply-pages.ts';
import { settingsPages } from './pages/settings-pages.ts';
import { oneWorkerPages } from './pages/worker-page.ts';
import { agentPages } from './pages/agent-pages.ts';
import { hubPages } from './pages/hub-pages.ts';
import { queuePages } from './pages/queue-pages.ts';
import { schedulePages } from './pages/schedule-pages.ts';
import { cannedPages } from './pages/canned-pages.ts';
import { rulePages } from './pages/rule-pages.ts';
import { talkPages } from './pages/talk-pages.ts';
import { streamPages } from './pages/stream-pages.ts';
import { taskPages } from './pages/task-pages.ts';
import { templatePages } from './pages/template-pages.ts';
import { userPages } from './pages/user-pages.ts';
import { workerPages } from './pages/worker-pages.ts';
import type { Route } from './routes.ts';

/** Every route that there is. Fixed paths stand before those with an id in the same place. */
export function routeTable(metrics: Metrics): readonly Route[] {
  const table: Route[] = [];
  table.push(
    ...doorRoutes(),
    ...fileRoutes(),
    ...overviewPages(),
    ...accountFilePages(),
    ...accountPages(),
    ...oneAccountPages(),
    ...loginPages(),
    ...proxyPages(),
    ...platformPages(),
    ...inboxPages(),
    ...talkPages(),
    ...cannedPages(),
    ...rulePages(),
    ...replyPages(),
    ...dataPages(),
    ...notificationRulePages(),
    ...notificationPages(),
    ...alertPages(),
    ...mapPages(),
    ...workerPages(),
    ...oneWorkerPages(),
    ...fleetDialogs(),
    ...groupPages(),
    ...machinePages(),
    ...actorPages(),
    ...settingsPages(),
    ...userPages(),
    ...streamPages(),
    ...hubPages(),
    ...taskPages(),
    ...agentPages(),
    ...queuePages(),
    ...schedulePages(),
    ...templatePages(),
    ...livePages(),
    ...apiPages(() => table),
    ...configApi(),
    ...workerApi(),
    ...fleetApi(),
    ...machineApi(),
    ...alertApi(),
    ...accountFileApi(),
    ...accountApi(),
    ...proxyApi(),
    ...notificationRuleApi(),
    ...dataApi(),
    ...platformApi(),
    ...messageApi(),
    ...talkApi(),
    ...ruleApi(),
    ...toolApi(),
    ...mcpRoutes(),
    ...taskApi(),
    ...agentApi(),
    ...queueApi(),
    ...scheduleApi(),
    ...hubApi(),
    ...actorApi(),
    ...systemApi(metrics, () => table),
  );
  return table;
}
