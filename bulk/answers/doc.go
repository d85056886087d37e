// Package answers keeps what requests are answered with that are done in the background (FHIR R4, 3.1.6 Asynchronous Request Patterns; the form of R5's
// Asynchronous Interaction Request), until whoever asked fetches it.
//
// It owns the bodies of requests that wait and the answers of those that are done. It promises:
//
//   - An answer is there for the access that asked for it alone, see bulk/job.
//   - Bodies and answers are sealed under a key that is in memory alone: once the process has ended, or the answer is dropped, nothing on the disk opens
//     them. No answer outlives a restart.
//   - Requests are bounded in number and in the time that each takes, answers in age, and all that is kept in bytes, over all and of one actor.
//
// Imports: bulk/job, record.
package answers
