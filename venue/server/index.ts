export { CODES as venueServerCodes } from './codes.ts';
export { loadScenario } from './faults/load.ts';
export type { Fault, Scenario } from './faults/scenario.ts';
export { createVenueServer, type VenueServer, type VenueServerOptions } from './server.ts';
export { type Ready, type RunningVenue, startVenue, type VenueOptions } from './start.ts';
