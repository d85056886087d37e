// Package chain is the consensus engine of the ledger: CometBFT embedded in process, and the state machine of anchors
// and members that it replicates.
//
// It owns the directory ledger/chain of a node, the validator's key and signing state, the engine's p2p port, and the
// rules by which a transaction is valid. It promises:
//
//   - being in a block means being valid: a proposed block with a gap in an organisation's anchors, a wrong predecessor,
//     a bad signature or a malformed transaction is refused by every honest validator;
//   - what Follow delivered is never taken back, and is delivered again after a restart;
//   - anchors, membership transactions and one light block per change of the validator set are kept for ever, blocks
//     for a while (Config.Keep);
//   - whoever a block's transactions are judged by also signs it: members, their keys and their validators change with one block;
//   - an idle chain makes no blocks, and an anchor needs no second block to be proven;
//   - only members' nodes, and those the operator named, get past the p2p handshake;
//   - a validator key is not used by two processes of one machine, nor from a copied directory unnoticed.
//
// The state machine is a function of the blocks alone. Its whole history is two kinds of append-only records (blocks and
// anchors); everything else in its store is an index over them. That is what lets a snapshot be a range of the history,
// cut into chunks that never change, served without being written first, and checked by one running digest.
//
// A member without a vote runs nothing of CometBFT but its storage and block executor: it is fed by a voting member (Feed, Feeder), some
// 600 bytes a block, and checks what it is fed like a validator: the header it makes itself, from its own state, must be the one that more
// than two thirds of the validators signed. Of the members that feed it none need be honest for what it takes in to be the ledger, and one must
// be for it to keep up. Both kinds of node keep the same files; when the members change which kind it is, it begins again by itself.
//
// It may import verify, durable and the Engine interface of ledger, nothing else of ours. Only this package imports CometBFT.
package chain
