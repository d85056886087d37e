// fhir-kit-client against a node, along its README.
import assert from 'node:assert/strict';
import test from 'node:test';
import { CapabilityTool, Client } from 'fhir-kit-client';
import { base, made, named, outcome, patient, pulse, resources, stay, token } from './node.mjs';

const client = new Client({ baseUrl: base, bearerToken: token });
const response = (r) => Client.httpFor(r).response;

/** What a refused request is answered with. */
async function refused(promise, status) {
  const err = await promise.then(() => assert.fail('it was not refused'), (e) => e);
  assert.equal(err.response?.status, status, `${err}`);
  return outcome(err.response.data);
}

const sent = await client.transaction({ body: stay('Mansour', 'kit', 25) });
const id = made(sent, 0);
const subject = `Patient/${id}`;

test('read, with the request and the response', async () => {
  const p = await client.read({ resourceType: 'Patient', id });
  assert.equal(p.name[0].family, 'Mansour');
  const http = Client.httpFor(p);
  assert.equal(http.request.url, `${base}/${subject}`);
  assert.equal(http.response.status, 200);
  assert.equal(http.response.headers.get('etag'), 'W/"1"');
  assert.match(http.response.headers.get('content-type'), /^application\/fhir\+json/);
});

test('create, and create with return=minimal', async () => {
  const whole = await client.create({ resourceType: 'Patient', body: patient('Saleh', 'whole') });
  assert.equal(response(whole).status, 201);
  assert.equal(whole.meta.versionId, '1');
  const minimal = await client.create({ resourceType: 'Patient', body: patient('Saleh', 'minimal'), options: { headers: { Prefer: 'return=minimal' } } });
  assert.equal(response(minimal).status, 201);
  assert.deepEqual(Object.keys(minimal), []);
  const there = await client.request(response(minimal).headers.get('location'));
  assert.equal(there.name[0].family, 'Saleh');
});

test('conditional create', async () => {
  const create = () => client.create({ resourceType: 'Patient', body: patient('Khoury', 'once'), options: { headers: { 'If-None-Exist': `identifier=${named('once')}` } } });
  const first = await create();
  const second = await create();
  assert.deepEqual([response(first).status, response(second).status], [201, 200]);
  assert.equal(second.id, first.id);
});

test('update, by id and by what is searched for, and vread', async () => {
  const p = await client.create({ resourceType: 'Patient', body: patient('Nasser', 'moved') });
  const updated = await client.update({ resourceType: 'Patient', id: p.id, body: { ...p, active: true } });
  assert.equal(updated.meta.versionId, '2');
  const found = await client.update({ resourceType: 'Patient', searchParams: { identifier: named('moved') }, body: { ...patient('Nasser', 'moved'), active: false } });
  assert.equal(found.id, p.id);
  assert.equal(found.meta.versionId, '3');
  assert.equal((await client.vread({ resourceType: 'Patient', id: p.id, version: '2' })).active, true);
  const made = await client.update({ resourceType: 'Patient', searchParams: { identifier: named('nobody yet') }, body: patient('Nasser', 'nobody yet') });
  assert.equal(response(made).status, 201);
  const stale = client.update({ resourceType: 'Patient', id: p.id, body: p, options: { headers: { 'If-Match': 'W/"1"' } } });
  await refused(stale, 412);
});

test('patch', async () => {
  const p = await client.create({ resourceType: 'Patient', body: patient('Rahman', 'patched') });
  const patched = await client.patch({ resourceType: 'Patient', id: p.id, jsonPatch: [
    { op: 'add', path: '/active', value: false }, { op: 'add', path: '/name/-', value: { use: 'nickname', text: 'Lulu' } },
  ] });
  assert.equal(patched.active, false);
  assert.equal(patched.name[1].text, 'Lulu');
  await refused(client.patch({ resourceType: 'Patient', id: p.id, jsonPatch: [{ op: 'test', path: '/active', value: true }] }), 409);
  await refused(client.patch({ resourceType: 'Patient', id: p.id, jsonPatch: [{ op: 'replace', path: '/nothing/here', value: 1 }] }), 422);
});

test('delete', async () => {
  const p = await client.create({ resourceType: 'Patient', body: patient('Aziz', 'gone') });
  assert.ok(response(await client.delete({ resourceType: 'Patient', id: p.id })).ok);
  await refused(client.read({ resourceType: 'Patient', id: p.id }), 410);
  assert.ok(response(await client.delete({ resourceType: 'Patient', id: p.id })).ok, 'twice is the same');
});

test('search of a type, of several, in a compartment, and all of them by POST', async () => {
  for (const options of [{}, { postSearch: true }]) {
    const byName = await client.search({ resourceType: 'Patient', searchParams: { name: 'Mansour', birthdate: 'lt1990-01-01', identifier: named('kit'), _count: '20' }, options });
    assert.deepEqual(resources(byName).map((r) => r.id), [id]);
    assert.equal(byName.total, 1);
    const several = await client.search({ searchParams: { _type: 'Patient,Practitioner', _id: `${id},${made(sent, 1)}` }, options });
    assert.deepEqual(resources(several).map((r) => r.resourceType).sort(), ['Patient', 'Practitioner']);
    const within = await client.search({ resourceType: 'Observation', compartment: { resourceType: 'Patient', id }, searchParams: { 'value-quantity': 'ge80', _count: '50' }, options });
    assert.equal(within.total, 5);
    assert.ok(resources(within).every((r) => r.subject.reference === subject));
  }
  assert.equal((await client.compartmentSearch({ resourceType: 'Observation', compartment: { resourceType: 'Patient', id } })).total, 25);
  assert.equal((await client.resourceSearch({ resourceType: 'Observation', searchParams: { patient: id, _summary: 'count' } })).total, 25);
  assert.equal((await client.systemSearch({ searchParams: { _type: 'Observation,Condition', subject } })).total, 25);
});

test('pages, to the last one and back to the first', async () => {
  let bundle = await client.search({ resourceType: 'Observation', searchParams: { patient: id, _count: '10', _sort: 'date' } });
  const first = resources(bundle).map((r) => r.id);
  const pages = [first];
  for (let next; (next = await client.nextPage({ bundle })); bundle = next) {
    pages.push(resources(next).map((r) => r.id));
  }
  assert.deepEqual(pages.map((p) => p.length), [10, 10, 5]);
  assert.equal(new Set(pages.flat()).size, 25);
  for (let i = pages.length - 2; i >= 0; i--) {
    bundle = await client.prevPage({ bundle });
    assert.deepEqual(resources(bundle).map((r) => r.id), pages[i]);
  }
  assert.equal(await client.prevPage({ bundle }), undefined);
});

test('batch, each entry by itself', async () => {
  const answer = await client.batch({ body: { resourceType: 'Bundle', type: 'batch', entry: [
    { request: { method: 'GET', url: subject } }, { request: { method: 'GET', url: `Observation?patient=${id}&_count=5` } },
    { request: { method: 'GET', url: 'Patient/nobody-is-here' } }, { request: { method: 'GET', url: `${subject}/Observation?_count=3` } },
    { resource: pulse(subject, 61, '2024-05-01'), request: { method: 'POST', url: 'Observation' } },
  ] } });
  assert.equal(answer.type, 'batch-response');
  assert.deepEqual(answer.entry.map((e) => e.response.status.slice(0, 3)), ['200', '200', '404', '200', '201']);
  assert.equal(resources(answer.entry[1].resource).length, 5);
  assert.equal(resources(answer.entry[3].resource).length, 3);
  outcome(answer.entry[2].response.outcome);
  await client.delete({ resourceType: 'Observation', id: made(answer, 4) });
});

test('transaction, all or nothing', async () => {
  assert.equal(sent.type, 'transaction-response');
  assert.ok(sent.entry.every((e) => e.response.status === '201 Created' && e.response.etag === 'W/"1"'));
  const one = await client.read({ resourceType: 'Observation', id: made(sent, 2) });
  assert.equal(one.subject.reference, subject);
  assert.equal(one.performer[0].reference, `Practitioner/${made(sent, 1)}`);
  const bad = stay('Nobody', 'none', 1);
  bad.entry[2].resource.subject.reference = 'urn:uuid:99999999-9999-4999-8999-999999999999';
  await refused(client.transaction({ body: bad }), 422);
  assert.equal((await client.search({ resourceType: 'Patient', searchParams: { identifier: named('none') } })).total, 0);
});

test('a Bundle of more than 64 KiB', async () => {
  const body = stay('Large', 'large', 28);
  for (const e of body.entry) {
    e.resource.text = { status: 'additional', div: `<div xmlns="http://www.w3.org/1999/xhtml">${'words '.repeat(1000)}</div>` };
  }
  const answer = await client.transaction({ body, options: { keepalive: false } });
  assert.equal(answer.entry.length, 30);
});

test('history of a resource, a type, everything', async () => {
  const p = await client.create({ resourceType: 'Patient', body: patient('Amin', 'history') });
  await client.update({ resourceType: 'Patient', id: p.id, body: { ...p, active: true } });
  await client.delete({ resourceType: 'Patient', id: p.id });
  const own = await client.history({ resourceType: 'Patient', id: p.id });
  assert.equal(own.type, 'history');
  assert.deepEqual(own.entry.map((e) => e.request.method), ['DELETE', 'PUT', 'POST']);
  assert.equal((await client.history({ resourceType: 'Patient' })).entry[0].request.url, `Patient/${p.id}`);
  assert.equal((await client.history()).type, 'history');
  await refused(client.history({ resourceType: 'Patient', id: 'nobody-is-here' }), 404);
});

test('conditional read', async () => {
  const get = (headers) => client.read({ resourceType: 'Patient', id, options: { headers } });
  const p = await get({});
  await assert.rejects(get({ 'If-None-Match': response(p).headers.get('etag') }), (e) => e.response.status === 304);
  await assert.rejects(get({ 'If-Modified-Since': new Date(Date.now() + 3_600_000).toUTCString() }), (e) => e.response.status === 304);
  assert.equal((await get({ 'If-None-Match': 'W/"7"' })).id, id);
});

test('operations', async () => {
  const everything = await client.operation({ name: 'everything', resourceType: 'Patient', id });
  assert.equal(resources(everything).filter((r) => r.resourceType === 'Observation').length, 25);
  const some = await client.operation({ name: '$everything', resourceType: 'Patient', id, method: 'GET', input: { _count: 5 } });
  assert.ok(some.entry.length >= 5 && some.link.some((l) => l.relation === 'next'));
  outcome(await client.operation({ name: 'validate', resourceType: 'Patient', input: patient('Amin', 'valid') }));
  const wrong = await client.operation({ name: 'validate', resourceType: 'Patient', input: { ...patient('Amin', 'valid'), gender: 'unsure' } });
  assert.equal(outcome(wrong).severity, 'error');
  const lookup = await client.operation({ name: 'lookup', resourceType: 'CodeSystem', method: 'GET', input: { system: 'http://hl7.org/fhir/administrative-gender', code: 'female' } });
  assert.equal(lookup.parameter.find((p) => p.name === 'display').valueString, 'Female');
  await refused(client.operation({ name: 'convert', input: { resourceType: 'Bundle', type: 'collection' } }), 404);
});

test('references, absolute, relative, contained and in a Bundle', async () => {
  assert.equal((await client.resolve({ reference: subject })).id, id);
  assert.equal((await client.resolve({ reference: `${base}/${subject}` })).id, id);
  const context = await client.search({ resourceType: 'Observation', searchParams: { patient: id, _include: 'Observation:patient', _count: '1' } });
  assert.equal(await client.resolve({ reference: subject, context }), context.entry.find((e) => e.resource.resourceType === 'Patient').resource);
  const nested = await client.create({ resourceType: 'Observation', body: {
    ...pulse(subject, 70, '2023-01-01'), contained: [{ resourceType: 'Device', id: 'd', deviceName: [{ name: 'Cuff', type: 'user-friendly-name' }] }], device: { reference: '#d' },
  } });
  assert.equal(client.resolve({ reference: '#d', context: nested }) instanceof Promise, true);
  assert.equal((await client.resolve({ reference: '#d', context: nested })).deviceName[0].name, 'Cuff');
  await client.delete({ resourceType: 'Observation', id: nested.id });
});

test('raw requests', async () => {
  const p = await client.request('Patient', { method: 'POST', body: patient('Raw', 'raw'), options: { headers: { 'content-type': 'application/fhir+json' } } });
  assert.equal((await client.request(`Patient/${p.id}`)).id, p.id);
  await client.request(`Patient/${p.id}`, { method: 'DELETE' });
});

test('what the server can', async () => {
  const tool = new CapabilityTool(await client.capabilityStatement());
  for (const code of ['transaction', 'batch', 'history-system', 'search-system']) {
    assert.ok(tool.serverCan(code), code);
  }
  for (const code of ['read', 'vread', 'create', 'update', 'patch', 'delete', 'history-instance', 'search-type']) {
    assert.ok(tool.resourceCan('Patient', code), code);
  }
  assert.ok(tool.serverSearch('_id'));
  assert.ok(tool.resourceSearch('Patient', 'birthdate'));
  assert.ok(!tool.resourceSearch('Patient', 'nonsense'));
  assert.equal(tool.capabilityContents({ resourceType: 'Patient', capabilityType: 'conditionalDelete' }), 'multiple');
  assert.ok(tool.searchParamsFor({ resourceType: 'Observation' }).includes('code-value-quantity'));
});

test('errors are OperationOutcomes', async () => {
  await refused(client.read({ resourceType: 'Patient', id: 'nobody-is-here' }), 404);
  await refused(client.search({ resourceType: 'Patient', searchParams: { nonsense: 'x' } }), 400);
  const issue = await refused(client.create({ resourceType: 'Patient', body: { resourceType: 'Patient', birthDate: 'yesterday' } }), 400);
  assert.deepEqual(issue.expression, ['Patient.birthDate']);
  await refused(new Client({ baseUrl: base }).read({ resourceType: 'Patient', id }), 401);
  const lenient = await client.search({ resourceType: 'Patient', searchParams: { nonsense: 'x', _id: id }, options: { headers: { Prefer: 'handling=lenient' } } });
  assert.equal(outcome(lenient.entry.find((e) => e.search.mode === 'outcome').resource).severity, 'warning');
  assert.equal(lenient.link.find((l) => l.relation === 'self').url, `${base}/Patient?_id=${id}`);
});

