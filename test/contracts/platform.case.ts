import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { openSession, type Session, type Stage } from '../../runtime/platform-check/check-session.ts';
import { contractChecks } from '../../runtime/platform-check/contract-checks.ts';

/** Runs what every platform must do: the same checks as `troupe platform check`. */
export function platformCases(name: string, make: () => Promise<Stage>): void {
  describe(`platform ${name}`, () => {
    let stage: Stage;
    let session: Session;
    beforeAll(async () => {
      stage = await make();
      session = await openSession(stage);
    });
    afterEach(() => session.tidy());
    afterAll(async () => {
      await session?.close();
      await stage?.stop();
    });
    for (const check of contractChecks) test(check.name, () => check.run(session));
  });
}
