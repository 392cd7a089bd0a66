//! The kinds of vectors that are known. Others fail, unless they are to be counted: see `runner.rs`.

pub(crate) const ENGINEIO_V3_PACKETS: &str = "
decode: bare-type base64 base64-invalid-chars base64-noncanonical-bits base64-nothing
decode: base64-of-other-type base64-padding-middle base64-type-missing base64-type-out-of-range
decode: base64-unpadded base64-urlsafe base64-whitespace binary binary-empty binary-of-other-type
decode: binary-type-ascii-digit binary-type-out-of-range bom-prefix control-probe control-with-data
decode: empty lone-surrogate message-socketio message-text message-text-non-bmp open-handshake
decode: text-as-utf8-bytes type-leading-whitespace type-letter type-out-of-range type-punctuation
decode: type-unicode utf8-invalid utf8-surrogate v3-payload-as-packet
encode: binary-of-other-type control-bare control-probe control-with-data lone-surrogate
encode: lone-surrogate-as-utf8-bytes message-binary-base64 message-binary-raw message-empty
encode: message-text message-text-non-bmp null-data open-handshake text-as-utf8-bytes
";

pub(crate) const ENGINEIO_V3_PAYLOADS: &str = "
decode: base64-invalid-chars base64-noncanonical-bits base64-padding-middle base64-unpadded
decode: base64-urlsafe base64-whitespace binary-base64-inside binary-empty binary-kind-out-of-range
decode: binary-length-digit-out-of-range binary-length-in-code-units binary-length-leading-zeros
decode: binary-length-missing binary-no-terminator binary-non-bmp binary-one binary-several
decode: binary-text-unknown-type binary-trailing-bytes binary-truncated binary-type-ascii-digit
decode: binary-unknown-type binary-utf8-invalid binary-utf8-surrogate binary-wrong-terminator
decode: binary-zero-length-binary binary-zero-length-text spec-example spec-example-wrong
decode: text-base64-type-missing text-digits-and-colons text-empty text-length-decimal-point
decode: text-length-exponent text-length-hex text-length-in-code-points text-length-in-utf8-bytes
decode: text-length-leading-zeros text-length-missing text-length-negative text-length-not-a-number
decode: text-length-plus text-length-too-large text-length-too-small text-length-whitespace
decode: text-lone-surrogate text-missing-colon text-non-bmp text-one text-several
decode: text-trailing-colon text-trailing-garbage text-trailing-length text-unknown-type
decode: text-v4-payload text-zero-length
encode: base64 binary binary-long binary-with-non-bmp lone-surrogate lone-surrogate-binary
encode: no-packets spec-example text text-non-bmp
";

pub(crate) const ENGINEIO_V4_PACKETS: &str = "
decode: bare-type base64 base64-invalid-chars base64-noncanonical-bits base64-padding-middle
decode: base64-unpadded base64-urlsafe base64-whitespace base64-with-v3-type binary
decode: binary-with-v3-type bom-prefix control-probe control-with-data empty json-text
decode: lone-surrogate message-socketio message-text message-text-long message-text-non-bmp
decode: open-handshake separator-in-frame type-leading-whitespace type-letter type-out-of-range
decode: type-punctuation type-unicode v3-payload-as-packet
encode: binary-of-other-type control-bare control-probe control-with-data lone-surrogate
encode: message-binary-base64 message-binary-raw message-empty message-text message-text-long
encode: message-text-non-bmp open-handshake text-like-base64-packet text-with-separator
encode: unknown-type
";

pub(crate) const ENGINEIO_V4_PAYLOADS: &str = "
decode: base64-invalid-chars base64-noncanonical-bits base64-padding-middle base64-unpadded
decode: base64-urlsafe base64-whitespace bom-prefix crlf-at-end double-separator empty
decode: first-packet-bad invalid-utf8-body last-packet-bad leading-separator many mixed
decode: newline-is-data non-bmp only-separators separator-in-base64 separator-lookalike
decode: several-bad single spec-example trailing-separator type-letter type-out-of-range
decode: utf8-body v3-payload whitespace-after-separator
encode: binary-only lone-surrogate many mixed no-packets non-bmp separator-in-text single
encode: spec-example with-empty-message
";

pub(crate) const ENGINEIO_WEBTRANSPORT: &str = "
decode: at-max-payload base64-in-text-frame bom-in-data bom-prefix byte-by-byte chunk-per-frame
decode: coalesced empty-chunk-between empty-chunk-first empty-text-message
decode: extended-header-small-max header-apart header-truncated invalid-utf8 length-16-bit
decode: length-16-bit-header-cut length-64-bit length-non-minimal-16 length-non-minimal-64
decode: length-unsafe-integer one-chunk over-max-payload over-max-payload-16-bit
decode: over-max-payload-64-bit payload-truncated random-cuts text-non-bmp unknown-type
decode: zero-length-binary zero-length-text
encode: binary binary-length-boundary binary-of-other-type control empty-binary empty-message
encode: length-64k-boundary lone-surrogate open-handshake several text text-length-boundary
encode: text-non-bmp
";

pub(crate) const SOCKETIO_V4: &str = "
decode: ack ack-empty ack-no-id ack-no-payload ack-payload-wrong-type attachments-count-missing
decode: attachments-decimal attachments-leading-zeros attachments-negative attachments-no-dash
decode: attachments-not-a-number attachments-number-forms attachments-over-custom-limit
decode: attachments-too-many attachments-zero binary-ack binary-deep binary-empty-attachment
decode: binary-event binary-incomplete binary-invalid-json binary-no-payload binary-one-too-many
decode: binary-payload-wrong-type binary-placeholder-key-order binary-ten binary-unexpected
decode: bom-prefix connect connect-payload-array connect-payload-null connect-payload-object
decode: connect-payload-scalar connect-with-id custom-limit disconnect disconnect-with-payload
decode: empty-frame engine-type-before error-no-payload error-object error-payload-wrong-type
decode: error-string error-with-id event event-array-empty event-empty-name event-name-odd-number
decode: event-name-wrong-type event-no-payload event-numeric-name event-payload-number
decode: event-payload-object event-payload-scalar event-with-ack-id id-huge id-leading-zeros
decode: id-signed-or-decimal id-whitespace json-bad-escape json-bad-number json-control-character
decode: json-deep-nesting json-duplicate-keys json-escapes json-foreign-whitespace
decode: json-leading-whitespace json-lone-surrogate-escape json-nested-100 json-not-standard
decode: json-number-overflow json-numbers json-numbers-hard json-proto-key json-raw-line-separators
decode: json-trailing-garbage json-truncated json-whitespace-inside lone-surrogate nsp-comma-alone
decode: nsp-comma-inside nsp-comma-missing nsp-main-spelled-out nsp-query placeholder-as-event-name
decode: placeholder-as-payload placeholder-duplicate placeholder-extra-keys
decode: placeholder-first-in-ack placeholder-flag-not-true placeholder-fraction
decode: placeholder-in-plain-packet placeholder-negative placeholder-num-wrong-type
decode: placeholder-out-of-range placeholder-reordered placeholder-unreferenced reserved-event
decode: reserved-event-binary reserved-event-node sequence spec-example text-during-reconstruction
decode: type-not-a-digit type-out-of-range type-whitespace
encode: ack ack-id-edge binary-ack binary-deep binary-empty binary-event binary-object-order
encode: binary-over-limit binary-same-bytes-twice binary-ten binary-type-without-binary connect
encode: connect-nsp-query disconnect error-object error-string event event-edge-strings
encode: event-empty-name event-no-arguments event-null-arguments event-numbers event-numbers-hard
encode: event-numeric-name event-with-ack-id lone-surrogate nsp-empty nsp-with-comma
encode: nsp-without-slash placeholder-lookalike plain-type-with-binary proto-key reserved-event
";

pub(crate) const SOCKETIO_V5: &str = "
decode: ack ack-empty ack-no-id ack-no-payload ack-payload-wrong-type attachments-count-missing
decode: attachments-decimal attachments-leading-zeros attachments-negative attachments-no-dash
decode: attachments-not-a-number attachments-number-forms attachments-over-custom-limit
decode: attachments-too-many attachments-zero binary-ack binary-deep binary-empty-attachment
decode: binary-event binary-incomplete binary-invalid-json binary-no-payload binary-one-too-many
decode: binary-payload-wrong-type binary-placeholder-key-order binary-ten binary-unexpected
decode: bom-prefix connect connect-payload connect-payload-array connect-payload-null
decode: connect-payload-scalar connect-with-id custom-limit disconnect disconnect-with-payload
decode: empty-frame engine-type-before error-no-payload error-object error-payload-wrong-type
decode: error-string error-with-id event event-array-empty event-empty-name
decode: event-name-odd-number event-name-wrong-type event-no-payload event-numeric-name
decode: event-payload-number event-payload-object event-payload-scalar event-with-ack-id id-huge
decode: id-leading-zeros id-signed-or-decimal id-whitespace json-bad-escape json-bad-number
decode: json-control-character json-deep-nesting json-duplicate-keys json-escapes
decode: json-foreign-whitespace json-leading-whitespace json-lone-surrogate-escape
decode: json-nested-100 json-not-standard json-number-overflow json-numbers json-numbers-hard
decode: json-proto-key json-raw-line-separators json-trailing-garbage json-truncated
decode: json-whitespace-inside lone-surrogate nsp-comma-alone nsp-comma-inside nsp-comma-missing
decode: nsp-main-spelled-out nsp-query placeholder-as-event-name placeholder-as-payload
decode: placeholder-duplicate placeholder-extra-keys placeholder-first-in-ack
decode: placeholder-flag-not-true placeholder-fraction placeholder-in-plain-packet
decode: placeholder-negative placeholder-num-wrong-type placeholder-out-of-range
decode: placeholder-reordered placeholder-unreferenced reserved-event reserved-event-binary
decode: reserved-event-node sequence spec-example text-during-reconstruction type-not-a-digit
decode: type-out-of-range type-whitespace
encode: ack ack-id-edge binary-ack binary-deep binary-empty binary-event binary-object-order
encode: binary-over-limit binary-same-bytes-twice binary-ten connect connect-payload disconnect
encode: error-object error-string event event-edge-strings event-empty-name event-no-arguments
encode: event-null-arguments event-numbers event-numbers-hard event-numeric-name
encode: event-with-ack-id lone-surrogate nsp-empty nsp-with-comma nsp-without-slash
encode: placeholder-lookalike proto-key reserved-event
";

pub(crate) const SOCKETIO_MSGPACK: &str = "
decode: bin-forms bin-length-beyond-end connect-data-wrong-kind connect-error-data-missing
decode: connect-error-data-wrong-kind container-count-too-large container-count-too-small
decode: data-big-integers data-date data-nested data-not-finite data-undefined
decode: data-undefined-item disconnect-with-data duplicate-keys empty-frame event-data-empty
decode: event-data-missing event-data-wrong-kind event-name-wrong-kind event-numeric-name
decode: ext-arraybuffer id-fraction id-huge id-negative id-nil id-undefined id-whole-float
decode: id-wide-integer id-wrong-kind invalid-utf8 key-order keys-not-strings never-used-tag
decode: nsp-missing nsp-odd nsp-wrong-kind numbers official-ack official-connect
decode: official-connect-error official-disconnect official-event reserved-event root-not-a-map
decode: sequence string-length-beyond-end text-frame trailing-bytes truncated
decode: two-packets-in-a-frame type-fraction type-missing type-negative type-out-of-range
decode: type-whole-float type-wide-integer type-wrong-kind unknown-ext unknown-keys
decode: wide-containers wide-keys wide-strings wrong-key-case
encode: ack binary binary-arraybuffer binary-lengths connect connect-error-object
encode: connect-error-string connect-payload containers date disconnect event event-with-ack-id
encode: event-with-options floats floats-hard integer-beyond-64-bit integers lone-surrogate
encode: not-finite reserved-event string-lengths string-unicode undefined
";
