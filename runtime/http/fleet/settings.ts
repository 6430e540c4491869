import { fleetSettings, type FleetSettings } from '../../master/fleet-settings.ts';
import type { Bucket } from '../ports.ts';

/** What is set for the whole fleet; masters look at it every two seconds. */
export async function readFleetSettings(settings: Bucket): Promise<FleetSettings> {
  const bytes = await settings.get('fleet');
  const read = fleetSettings.safeParse(bytes ? JSON.parse(Buffer.from(bytes).toString('utf8')) : {});
  return read.success ? read.data : fleetSettings.parse({});
}

export const saveFleetSettings = (settings: Bucket, value: FleetSettings): Promise<void> => settings.put('fleet', JSON.stringify(value));
