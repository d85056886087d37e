// fhirclient, the SMART library for JavaScript, against a node, in node mode: as an application after its launch.
import assert from 'node:assert/strict';
import test from 'node:test';
import smart from 'fhirclient';
import { base, made, named, outcome, patient, pulse, resources, stay, token } from './node.mjs';

const kept = new Map();
const storage = { get: async (k) => kept.get(k), set: async (k, v) => kept.set(k, v), unset: async (k) => kept.delete(k) };
const open = (state) => smart({ url: '/', headers: {}, socket: {} }, {}, storage).client(state);
const bearer = { access_token: token, token_type: 'bearer' };
const client = open({ serverUrl: base, tokenResponse: bearer });

const sent = await client.request({ url: '/', method: 'POST', headers: { 'content-type': 'application/fhir+json' }, body: JSON.stringify(stay('Mansour', 'smart', 25)) });
const id = made(sent, 0);
const subject = `Patient/${id}`;

/** What a refused request is answered with. */
async function refused(promise, status) {
  const err = await promise.then(() => assert.fail('it was not refused'), (e) => e);
  assert.equal(err.status ?? err.statusCode, status, `${err}`);
  return err;
}

test('request of a resource, of a search, with the response', async () => {
  assert.equal((await client.request(subject)).name[0].family, 'Mansour');
  assert.equal((await client.request(`Observation?patient=${id}&_summary=count`)).total, 25);
  const { body, response } = await client.request({ url: subject, includeResponse: true });
  assert.equal(body.id, id);
  assert.equal(response.headers.get('etag'), 'W/"1"');
});

test('pages as one list, flat or not', async () => {
  const pages = await client.request(`Observation?patient=${id}&_count=10`, { pageLimit: 0 });
  assert.deepEqual(pages.map((p) => p.entry.length), [10, 10, 5]);
  const flat = await client.request(`Observation?patient=${id}&_count=10`, { pageLimit: 0, flat: true });
  assert.equal(new Set(flat.map((r) => r.id)).size, 25);
  assert.equal((await client.request(`Observation?patient=${id}&_count=10`, { pageLimit: 2, flat: true })).length, 20);
  const seen = [];
  await client.request(`Observation?patient=${id}&_count=20`, { pageLimit: 0, onPage: (page) => seen.push(page.entry.length) });
  assert.deepEqual(seen, [20, 5]);
});

test('resources and pages one after the other', async () => {
  let n = 0;
  for await (const r of client.resources(`Observation?patient=${id}&_count=10`)) {
    assert.equal(r.resourceType, 'Observation');
    n++;
  }
  assert.equal(n, 25);
  const sizes = [];
  for await (const page of client.pages(`Observation?patient=${id}&_count=15`)) {
    sizes.push(page.entry.length);
  }
  assert.deepEqual(sizes, [15, 10]);
});

test('references put in place, or given beside', async () => {
  const graph = await client.request(`Observation?patient=${id}&_count=3`, { resolveReferences: ['subject', 'performer.0'], graph: true });
  for (const o of resources(graph)) {
    assert.equal(o.subject.name[0].family, 'Mansour');
    assert.equal(o.performer[0].name[0].family, 'Haddad');
  }
  const { data, references } = await client.request(`Observation/${made(sent, 2)}`, { resolveReferences: 'subject', graph: false });
  assert.equal(data.subject.reference, subject);
  assert.equal(references[subject].id, id);
});

test('of the patient that was launched with', async () => {
  const own = open({ serverUrl: base, scope: 'launch/patient patient/*.read', tokenResponse: { ...bearer, patient: id } });
  assert.equal(own.patient.id, id);
  assert.equal((await own.patient.read()).id, id);
  const list = await own.patient.request('Observation?_count=50', { flat: true });
  assert.equal(list.length, 25);
  assert.ok(list.every((o) => o.subject.reference === subject));
  assert.ok((await own.patient.request('Condition')).resourceType === 'Bundle');
});

test('create, update, patch, delete', async () => {
  const p = await client.create(patient('Saleh', 'lived'));
  assert.equal(p.meta.versionId, '1');
  const updated = await client.update({ ...p, active: true });
  assert.equal(updated.meta.versionId, '2');
  const patched = await client.patch(`Patient/${p.id}`, [{ op: 'replace', path: '/active', value: false }]);
  assert.equal(patched.active, false);
  await client.delete(`Patient/${p.id}`);
  await refused(client.request(`Patient/${p.id}`), 410);
  const once = () => client.create(pulse(subject, 50, '2020-01-01'), { headers: { 'if-none-exist': `patient=${id}&date=2020-01-01`, prefer: 'return=minimal' }, includeResponse: true });
  assert.deepEqual([(await once()).response.status, (await once()).response.status], [200, 200], 'what was made is fetched from its location');
  assert.equal((await client.request(`Observation?patient=${id}&date=2020-01-01`)).total, 1);
  await client.delete(`Observation?patient=${id}&date=2020-01-01`);
});

test('getPath and units of what was read', async () => {
  const bundle = await client.request(`Observation?patient=${id}&code=http://loinc.org|8867-4&_count=50`);
  assert.equal(client.byCodes(resources(bundle), 'code')('8867-4').length, 25);
  assert.equal(client.getPath(bundle, 'entry.0.resource.valueQuantity.unit'), '/min');
});

test('what the server is', async () => {
  assert.equal(await client.getFhirVersion(), '4.0.1');
  assert.equal(await client.getFhirRelease(), 4);
});

test('errors say what the OperationOutcome says', async () => {
  const err = await refused(client.request('Patient/nobody-is-here'), 404);
  assert.match(err.message, /not found/i);
  await refused(client.request('Patient?nonsense=x'), 400);
  const strange = await refused(open({ serverUrl: base }).request(subject), 401);
  assert.match(strange.message, /launch/);
  assert.equal((await client.request(`Patient?identifier=${encodeURIComponent(named('smart'))}`)).total, 1);
  const issue = outcome(await client.request({ url: 'Patient/$validate', method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(patient('A', 'v')) }));
  assert.equal(issue.severity, 'warning', 'it has no narrative (dom-6), and that is all');
});
