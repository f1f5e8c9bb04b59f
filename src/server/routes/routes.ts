import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { App, RouteContext } from '../app.ts';
import type { Authenticator } from '../auth.ts';
import { addDashboard } from '../dashboard-files.ts';
import { addBatchRoutes } from './batch-routes.ts';
import { addDeliveryRoutes } from './delivery-routes.ts';
import { addDocsRoutes } from './docs-routes.ts';
import { addEventRoutes } from './event-routes.ts';
import { addCreativeScoringRoute, addEmbeddingsRoute } from './integration-routes.ts';
import { addJobRoutes } from './job-routes.ts';
import { addOperationRoutes } from './operation-routes.ts';
import { addOverviewRoutes } from './overview-routes.ts';
import { addProcessRoutes } from './process-routes.ts';
import { addBulkRoute, addQueueRoutes } from './queue-routes.ts';
import { addRunRoutes } from './run-routes.ts';
import { addSettingsRoutes } from './settings-routes.ts';

export interface AllRoutesContext extends RouteContext {
  auth: Authenticator;
  isClosing: () => boolean;
  version: string;
  dashboardDirectory?: string;
}

/** Every route there is. */
export async function addRoutes(app: App, context: AllRoutesContext): Promise<void> {
  addQueueRoutes(app, context);
  addProcessRoutes(app, context);
  addJobRoutes(app, context);
  addRunRoutes(app, context);
  addBatchRoutes(app, context);
  addEventRoutes(app, context, context.auth);
  addOverviewRoutes(app, context);
  addSettingsRoutes(app, context);
  addDeliveryRoutes(app, context);
  addCreativeScoringRoute(app, context);
  addOperationRoutes(app, context);
  // Scopes of their own: their bodies are not parsed as a whole.
  await app.register(async (scope) => addBulkRoute(scope.withTypeProvider<ZodTypeProvider>(), context));
  await app.register(async (scope) => addEmbeddingsRoute(scope.withTypeProvider<ZodTypeProvider>(), context));
  addDocsRoutes(app, context.version);
  await addDashboard(app, context.dashboardDirectory);
}
