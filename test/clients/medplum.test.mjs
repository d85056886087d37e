// @medplum/core against a node, along its README: a client that is made for another server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { base, made, named, outcome, patient, pulse, resources, stay, token } from './node.mjs';

globalThis.WebSocket ??= class {}; // its module asks for one when it is loaded, which this node may not have
const { MedplumClient, OperationOutcomeError } = await import('@medplum/core');

const at = new URL(base);
const client = new MedplumClient({ baseUrl: `${at.origin}/`, fhirUrlPath: at.pathname.slice(1), accessToken: token, cacheTime: 0, maxRetries: 0 });

/** What a refused request is answered with, as the client understands it. */
async function refused(promise) {
  const err = await Promise.resolve(promise).then(() => assert.fail('it was not refused'), (e) => e);
  assert.ok(err instanceof OperationOutcomeError, `${err}`);
  return outcome(err.outcome);
}

const sent = await client.executeBatch(stay('Mansour', 'medplum', 25));
const id = made(sent, 0);
const subject = `Patient/${id}`;

test('readResource, readReference, readVersion, readHistory', async () => {
  assert.equal((await client.readResource('Patient', id)).name[0].family, 'Mansour');
  assert.equal((await client.readReference({ reference: subject })).id, id);
  assert.equal((await client.readVersion('Patient', id, '1')).meta.versionId, '1');
  assert.equal((await client.readHistory('Patient', id, { count: 5 })).entry.length, 1);
});

test('createResource, updateResource, patchResource, deleteResource', async () => {
  const p = await client.createResource(patient('Saleh', 'lived'));
  const updated = await client.updateResource({ ...p, active: true });
  assert.equal(updated.meta.versionId, '2');
  assert.equal((await client.updateResource(updated)).meta.versionId, '3', 'what was not changed is a version, too');
  const patched = await client.patchResource('Patient', p.id, [{ op: 'test', path: '/active', value: true }, { op: 'replace', path: '/active', value: false }]);
  assert.equal(patched.active, false);
  await client.deleteResource('Patient', p.id);
  assert.equal((await refused(client.readResource('Patient', p.id))).code, 'deleted');
  assert.equal((await client.readHistory('Patient', p.id)).entry.length, 5);
});

test('createResourceIfNoneExist and upsertResource', async () => {
  const first = await client.createResourceIfNoneExist(patient('Khoury', 'once'), `identifier=${named('once')}`);
  const second = await client.createResourceIfNoneExist(patient('Khoury', 'once'), `identifier=${named('once')}`);
  assert.equal(second.id, first.id);
  assert.equal(second.meta.versionId, '1');
  const upserted = await client.upsertResource({ ...patient('Khoury', 'once'), active: true }, `identifier=${named('once')}`);
  assert.deepEqual([upserted.id, upserted.meta.versionId], [first.id, '2']);
  assert.equal((await client.upsertResource(patient('Nasser', 'new'), { identifier: named('new') })).meta.versionId, '1');
});

test('search, searchOne, searchResources', async () => {
  const bundle = await client.search('Observation', `patient=${id}&_sort=-date&_count=3&_total=accurate`);
  assert.equal(bundle.total, 25);
  assert.deepEqual(resources(bundle).map((r) => r.effectiveDateTime), ['2024-03-25', '2024-03-24', '2024-03-23']);
  assert.equal((await client.searchOne('Patient', { identifier: named('medplum') })).id, id);
  assert.equal(await client.searchOne('Patient', { identifier: named('nobody') }), undefined);
  const list = await client.searchResources('Observation', [['subject', subject], ['code', 'http://loinc.org|8867-4'], ['_count', '100']]);
  assert.equal(list.length, 25);
  assert.equal(list.bundle.type, 'searchset');
  const chained = await client.searchResources('Observation', { 'patient.name': 'mansour', 'performer:Practitioner.identifier': named('doctor-medplum'), _fields: undefined });
  assert.equal(chained.length, 25);
});

test('searchResourcePages', async () => {
  const pages = [];
  for await (const page of client.searchResourcePages('Observation', { patient: id, _count: 10 })) {
    pages.push(page.map((r) => r.id));
  }
  assert.deepEqual(pages.map((p) => p.length), [10, 10, 5]);
  assert.equal(new Set(pages.flat()).size, 25);
});

test('executeBatch, and reads that the client puts into one', async () => {
  assert.ok(sent.entry.every((e) => e.response.status === '201 Created'));
  const answer = await client.executeBatch({ resourceType: 'Bundle', type: 'batch', entry: [
    { request: { method: 'GET', url: subject } }, { request: { method: 'GET', url: `Observation?patient=${id}&_summary=count` } }, { request: { method: 'GET', url: 'Patient/nobody-is-here' } },
    { resource: [{ op: 'add', path: '/active', value: true }], request: { method: 'PATCH', url: subject } },
  ] });
  assert.deepEqual(answer.entry.slice(0, 3).map((e) => e.response.status.slice(0, 3)), ['200', '200', '404']);
  assert.equal(answer.entry[1].resource.total, 25);
  const gathering = new MedplumClient({ baseUrl: `${at.origin}/`, fhirUrlPath: at.pathname.slice(1), accessToken: token, cacheTime: 0, autoBatchTime: 50 });
  const [one, doctor, found, gone] = await Promise.all([
    gathering.readResource('Patient', id), gathering.readResource('Practitioner', made(sent, 1)), gathering.search('Observation', { patient: id, _count: 2 }),
    gathering.readResource('Patient', 'nobody-is-here').catch((e) => e),
  ]);
  assert.deepEqual([one.id, doctor.name[0].family, resources(found).length], [id, 'Haddad', 2]);
  assert.equal(outcome(gone.outcome).code, 'not-found');
});

test('validateResource', async () => {
  assert.equal(outcome(await client.validateResource(patient('Amin', 'valid'))).severity, 'warning', 'it has no narrative (dom-6), and that is all');
  assert.equal(outcome(await client.validateResource({ ...patient('Amin', 'valid'), gender: 'unsure' })).severity, 'error');
});

test('readPatientEverything and valueSetExpand', async () => {
  const everything = await client.readPatientEverything(id);
  assert.equal(resources(everything).filter((r) => r.resourceType === 'Observation').length, 25);
  const genders = await client.valueSetExpand({ url: 'http://hl7.org/fhir/ValueSet/administrative-gender', filter: 'fem', count: 5 });
  assert.deepEqual(genders.expansion.contains.map((c) => c.code), ['female']);
});

test('readCanonical', async () => {
  const url = `urn:sijil:questionnaire:${process.pid}`;
  const made = await client.createResource({ resourceType: 'Questionnaire', url, status: 'active' });
  assert.equal((await client.readCanonical('Questionnaire', url)).id, made.id);
  assert.equal((await client.readCanonical(['Questionnaire', 'PlanDefinition'], url)).id, made.id);
});

test('createBinary and createAttachment', async () => {
  const binary = await client.createBinary({ data: 'a letter', contentType: 'text/plain', filename: 'letter.txt', securityContext: { reference: subject } });
  assert.equal(binary.resourceType, 'Binary');
  const blob = await client.download(client.fhirUrl('Binary', binary.id));
  assert.equal(await blob.text(), 'a letter');
  const attachment = await client.createAttachment({ data: new Uint8Array([1, 2, 3]), contentType: 'application/octet-stream', filename: 'three' });
  assert.equal(attachment.title, 'three');
});

test('what is not here is refused as FHIR says', async () => {
  await refused(client.readResourceGraph('Patient', id, 'somebody'));
  await refused(client.graphql('{ PatientList { id } }'));
  await refused(client.readResource('Patient', 'nobody-is-here'));
  await refused(client.search('Patient', 'nonsense=x'));
  await refused(client.createResource({ ...pulse(subject, 'much', '2024-01-01') }));
});
