package lang

// What Problems say: what happened and what to do next, in one message. Arguments are text already.
var englishProblems = map[string]string{
	// config.json.
	"problem.config_json":         "the configuration is not understood: %[1]s. Correct it; the settings are in docs/operations.md",
	"problem.config_name":         "\"name\" is empty; say which organisation this node belongs to",
	"problem.config_name_form":    "\"name\" has more than %[1]s bytes, a control character, or is no UTF-8; write a shorter name on one line",
	"problem.config_address":      "\"%[1]s\" is %[2]q; write it as host:port",
	"problem.config_port":         "\"%[1]s\" is %[2]q, which names no port; use 1 to 65535",
	"problem.config_same":         "\"peer\" and \"p2p\" are both %[1]s; two services cannot listen at one address, choose another for one of them",
	"problem.config_base":         "\"base\" is %[1]q, which is no base URL; write it as https://HOST/fhir, the way clients reach the gate",
	"problem.config_engine":       "\"engine\" is %[1]q; use \"inside\" or \"child\"",
	"problem.config_network":      "\"network\" is %[1]q; use \"lan\" or \"wan\"",
	"problem.config_copies":       "\"copies\" is %[1]s; use 0 (automatic) to 16",
	"problem.config_deletes":      "\"conditional_deletes\" is %[1]s; use 0 (one at a time) to 1000",
	"problem.config_origin":       "\"origins\" holds %[1]q, which is no origin of a web page; write it as https://HOST, without a path",
	"problem.config_blocks":       "\"keep_blocks\" is %[1]s; use 0 (automatic) or more",
	"problem.config_witness_name": "of \"witnesses\", one has no name or two have the name %[1]q; give each a name of its own",
	"problem.config_witness_key":  "the key of the witness %[1]q is %[2]q, which is no witness's verifier key; copy what `sijil witness init` printed, NAME+…+…",
	"problem.config_witness_url":  "the URL of the witness %[1]q is %[2]q; write it as https://HOST, or leave it out for a witness reached by file",

	// Setting up.
	"problem.node_here":     "there is a node in %[1]s already; start it with `sijil serve`, or choose another directory. Nothing was changed",
	"problem.dir_not_empty": "%[1]s is not empty; choose an empty directory for the new node",
	"problem.founder_twice": "%[1]s is named twice; name the member.json of each founder once",
	"problem.other_ledger":  "this node belongs to the ledger %[1]s already, not to %[2]s; a node belongs to one for ever. Make another node for the other ledger",
	"problem.not_founder":   "%[1]s is not among the founders of the ledger %[2]s; have the genesis made with its member.json, or ask to join with `sijil join --genesis`. Nothing was changed",
	"problem.genesis_gone": "the genesis is missing, and this node has been part of a ledger: do not found or join another one with it. Put the file back: every other member's node has the same genesis.json, " +
		"and the backup has it; then start the node again",
	"problem.no_ledger": "this node belongs to no ledger yet; found one with `sijil found`, or join one with `sijil join`",

	// A running node.
	"problem.starting":     "the node is starting; try again in a moment",
	"problem.socket_place": "%[1]s was to hold the node's socket, but is not a directory of mode 0700 of the node's owner; somebody else may have made it. Remove it, set TMPDIR to a place of your own, or give the data directory a shorter path",
	"problem.fhir_address": "the FHIR gate cannot listen at %[1]s, as \"fhir\" says; stop the program that uses the address, or change it",
	"problem.alone":        "this node stands alone: no custodian has a copy. Restore it from a backup",
	"problem.held_for":     "it is held for another member, whose node brings a fresh copy",
	"problem.disk_full":    "the disk is full: %[1]s MiB are free and a start needs %[2]s; make room, then start the node again. Nothing that was acknowledged is lost, and nothing needs to be put back",
	"problem.book_anew":    "restart the node: it puts the book aside and makes again what it can from what is held",
	"problem.index_anew":   "restart the node: it makes the index anew from the journal",
	"problem.audit_in_use": "the node starts or stops just now, or runs under another path of its directory; try again in a moment",

	// Members.
	"problem.leave_unknown":   "no member of this ledger has the identifier %[1]s, nor ever had. The members are: %[2]s. Nothing was proposed",
	"problem.request_ledger":  "the request is for the ledger %[1]s, and this node is of %[2]s; hand it to a member of the other. Nothing was proposed",
	"problem.member_differs":  "%[1]s is a member already, and the ledger's record of it differs: %[2]s. It changes its record with `sijil rotate`. Nothing was proposed",
	"problem.update_stranger": "%[1]s is not a member of this ledger; it asks to join with `sijil join`. Nothing was proposed",
	"problem.update_key":      "the request puts another signing key into the record of %[1]s, and no request can show that %[1]s wants that: have it leave with `sijil leave`, and join anew under its new key. Nothing was proposed",
	"problem.update_old":      "the record of %[1]s on the ledger has changed since this request was made, which would undo that; have %[1]s make a new one with `sijil rotate`, and agree to that. Nothing was proposed",
	"problem.no_change":       "the request says neither who joins, nor who leaves, nor whose record changes; make it anew",
	"problem.not_member":      "this organisation is not a member, as far as its node has read the ledger; `sijil status` shows how far that is",
	"problem.no_vote":         "this organisation follows the ledger without a vote and has no validator key to replace; leave out --new-validator",

	// Backups and restores.
	"problem.backup_inside":     "%[1]s lies in the data directory; a backup there is lost with it. Choose another disk",
	"problem.backup_running":    "another backup of this node is running; wait for its end",
	"problem.backup_cut":        "the node ended the backup before it was done; the one before is whole. See the node's log, and back up again",
	"problem.check_cut":         "the node ended the check before it was done. See the node's log, and check again",
	"problem.backup_damage":     "something stored is damaged, and damage is not backed up; run `sijil scrub`, then back up again",
	"problem.no_lineage":        "the file names no lineage; delete it, and back up with --take-over",
	"problem.restless":          "the ledger's engine did not come to rest within 10 s; make the backup when the node has less to do, or while it is stopped",
	"problem.no_kit":            "the recovery kit is not whole; take the kit from where it was kept",
	"problem.kit_altered":       "the recovery kit was altered: its signing key is not that of the organisation it names. Take another copy of it",
	"problem.kit_key":           "the ledger knows %[1]s by another signing key than the one in the kit; take the kit of the node that is a member today",
	"problem.kit_no_member":     "the organisation of the kit, %[1]s, is no member of the ledger in the trust file; get a newer trust file from a member",
	"problem.restore_nothing":   "neither a backup nor the trust file of a member was named",
	"problem.restore_alone":     "the ledger has no member besides %[1]s, so nobody else holds anything of it; restore from a backup, with --from. Nothing was restored",
	"problem.restore_stage":     "%[1]s is there: a restore is running, or was cut short. Delete it when none is running, and restore again",
	"problem.restore_not_empty": "%[1]s is not empty; restore into an empty or new directory. Nothing was changed",
	"problem.restore_silent":    "these members do not answer, and may hold what nobody else does: %[1]s. Have their nodes started and try again; with --incomplete the restore goes on without them, and what only they hold is lost. Nothing was restored",
	"problem.trust_ledger":      "the trust file is of the ledger %[1]s, the backup of %[2]s; take a trust file from a member of the latter. Nothing was restored",
	"problem.other_keys":        "the key store that was found is another organisation's; take the recovery kit that belongs to it. Nothing was restored",

	// Witnesses reached by file.
	"problem.witness_none":    "there is no witness %[1]q: the configuration names none. Enter it under \"witnesses\" and start the node again",
	"problem.witness_unknown": "there is no witness %[1]q; these are named there: %[2]s",
	"problem.witness_ahead":   "the witness has cosigned %[1]s anchors, and this node has read %[2]s of the ledger. Wait until it has caught up (`sijil status`), and accept the answer again",
	"problem.witness_here":    "%[1]s is the directory of a witness already; a witness is made once, in a directory of its own. Nothing was changed",
	"problem.witness_seed":    "the witness's key is damaged. Without it nothing can be cosigned: make a new witness, and name its key in the nodes' configurations",
	"problem.no_witness":      "there is no witness in %[1]s; make one with `sijil witness init`, or name its directory with --dir",
	"problem.empty_answer":    "the answer is empty: the witness has signed nothing. Run `sijil witness cosign` there again, and see what it says",
	"problem.cosign_fork":     "REFUSED: members signed a checkpoint that was not shown to continue the one cosigned last. Keep this witness's directory and the request, and ask the ledger's members",
	"problem.cosign_forgot":   "REFUSED: the request begins from more than the %[1]s anchors that this witness remembers. Its directory is an older copy of itself, or the request is for another witness. One that has forgotten what it signed must begin anew under a new key",
	"problem.cosign_log":      "REFUSED: the request is of a ledger that none of the trust files names. Give the trust.json of its members with --trust",
	"problem.cosign_few":      "REFUSED: too few of those who speak for the ledger have signed. When members have changed, get a fresh trust.json; else have more members' nodes started, run `sijil checkpoint` there and make a new request",
	"problem.cosign_request":  "REFUSED: the request is malformed, or was changed on its way. Make a new one with `sijil checkpoint request`",
	"problem.qr_large":        "%[1]s bytes do not fit a QR code, which holds 2953; carry a file instead",
}
