import { isId } from '../../transport/subjects.ts';
import type { Operator } from '../operator.ts';
import { viewFromJournal } from '../read-model/queries/from-journal.ts';
import { findTask } from '../read-model/queries/tasks.ts';
import { UsageError } from '../verb.ts';

/** The id of a task that is named by its id or by its number. Throws where there is no such number. */
export async function taskIdOf(operator: Operator, word: string): Promise<string> {
  if (/^#?\d{1,15}$/.test(word)) {
    const found = findTask(await viewFromJournal(operator.nc, ['task']), word);
    if (!found) throw new Error(`there is no task ${word}; troupe list shows what there is`);
    return found.id;
  }
  if (!isId(word)) throw new UsageError(`${JSON.stringify(word.slice(0, 80))} names no task: give its number, like 12, or its id`);
  return word;
}
