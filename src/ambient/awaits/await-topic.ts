/** The topic of an await, by its site: what its decisions and its event are about. */
import { topicOf, type Topic } from '../../kernel/question.ts';
import { AWAIT_OWNERS } from '../../simulation/ambience.ts';

const topics = new Map<string, Topic>();
const TOPICS_KEPT = 8_192;
/** Matches the prefix of a site that names the owner of its questions. */
const OWNER = new RegExp(`^(${AWAIT_OWNERS.join('|').replaceAll('*', '\\*')})(?: |$)`);

/** The same object for the same site, while few are known. */
export function topicOfSite(site: string): Topic {
  let topic = topics.get(site);
  if (topic === undefined) {
    if (topics.size >= TOPICS_KEPT) topics.clear();
    const owner = OWNER.exec(site)?.[1] ?? '';
    topic = topicOf({ owner, what: site.slice(owner.length).trim() });
    topics.set(site, topic);
  }
  return topic;
}
