import { fleetSettings, type FleetSettings } from '../../master/fleet-settings.ts';
import type { Bucket } from '../ports.ts';

/** What is set for the whole fleet; masters look at it every two seconds. */
export async function readFleetSettings(settings: Bucket): Promise<FleetSettings> {
  const bytes = await settings.get('fleet');
  const read = fleetSettings.safeParse(bytes ? JSON.parse(Buffer.from(bytes).toString('utf8')) : {});
  return read.success ? read.data : fleetSettings.parse({});
}

/** What is given changes, the rest stays; answers all of it. */
export async function saveFleetSettings(settings: Bucket, given: { [K in keyof FleetSettings]?: FleetSettings[K] | undefined }): Promise<FleetSettings> {
  const whole = fleetSettings.parse({ ...(await readFleetSettings(settings)), ...Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)) });
  await settings.put('fleet', JSON.stringify(whole));
  return whole;
}
