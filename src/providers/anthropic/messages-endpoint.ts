import { newVersion, oldVersion } from './anthropic-connection.ts';

export const messagesPath = '/v1/messages';
const versionQuery = '?version=';

/** A batch has one version header, so requests that need the old contract travel by themselves. */
export function endpointFor(needsOldVersion: boolean): string {
  return needsOldVersion ? `${messagesPath}${versionQuery}${oldVersion}` : messagesPath;
}

/** The path on the wire and the version header that the endpoint of a lane stands for. */
export function parseEndpoint(endpoint: string): { path: string; version: string } {
  const [path = endpoint, version = newVersion] = endpoint.split(versionQuery);
  return { path, version };
}
