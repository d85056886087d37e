// What the clients' tests share: the node that they speak to, and samples.
import assert from 'node:assert/strict';

export const base = process.env.SIJIL_FHIR;
export const token = process.env.SIJIL_TOKEN;

/** An identifier that no other test has. */
export const identifier = (value) => ({ system: 'urn:sijil:test', value: `${process.pid}-${value}` });

/** The same as a search asks for it. */
export const named = (value) => `urn:sijil:test|${process.pid}-${value}`;

export const patient = (family, value) => ({
  resourceType: 'Patient', identifier: [identifier(value)], name: [{ family, given: ['Layla'] }], gender: 'female', birthDate: '1984-02-29',
});

export const pulse = (subject, value, date) => ({
  resourceType: 'Observation', status: 'final', code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] }, subject: { reference: subject },
  effectiveDateTime: date, valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});

/** A transaction that makes a patient, a practitioner, and n observations of the one by the other. */
export function stay(family, value, n) {
  const entry = [
    { fullUrl: 'urn:uuid:11111111-1111-4111-8111-111111111111', resource: patient(family, value), request: { method: 'POST', url: 'Patient' } },
    { fullUrl: 'urn:uuid:22222222-2222-4222-8222-222222222222', resource: { resourceType: 'Practitioner', identifier: [identifier('doctor-' + value)], name: [{ family: 'Haddad' }] },
      request: { method: 'POST', url: 'Practitioner' } },
  ];
  for (let i = 0; i < n; i++) {
    const resource = pulse('urn:uuid:11111111-1111-4111-8111-111111111111', 60 + i, `2024-03-${String(i + 1).padStart(2, '0')}`);
    resource.performer = [{ reference: 'urn:uuid:22222222-2222-4222-8222-222222222222' }];
    entry.push({ fullUrl: `urn:uuid:33333333-3333-4333-8333-3333333333${String(i).padStart(2, '0')}`, resource, request: { method: 'POST', url: 'Observation' } });
  }
  return { resourceType: 'Bundle', type: 'transaction', entry };
}

/** The id of what a Bundle's entry made. */
export const made = (bundle, i) => bundle.entry[i].response.location.split('/').at(-3);

/** Resources of a Bundle. */
export const resources = (bundle) => (bundle.entry ?? []).map((e) => e.resource);

/** Asks an OperationOutcome to be one that tells what is wrong. */
export function outcome(o) {
  assert.equal(o?.resourceType, 'OperationOutcome');
  assert.ok(o.issue.length > 0);
  for (const i of o.issue) {
    assert.ok(i.severity && i.code && i.diagnostics, JSON.stringify(i));
  }
  return o.issue[0];
}
