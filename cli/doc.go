// Package cli is the command line: it reads flags, calls node, demo or verify, and turns results and errors into text for people
// (English, Arabic) or JSON for machines. It holds no logic of its own.
//
// Exit codes are part of its contract: 0 done; 1 failed, or a proof does not hold; 2 damage was found, or the command was misused;
// 3 a proof holds but is NOT WITNESSED.
package cli
