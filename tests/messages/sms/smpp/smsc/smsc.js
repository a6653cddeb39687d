// An SMSC for tests, on the npm package `smpp`. It is told what to do by lines of JSON on standard input, and says what
// happened by lines of JSON on standard output. See smsc_peer.py.
'use strict';

const fs = require('fs');
const readline = require('readline');
const smpp = require('smpp');

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const sessions = new Set();
// What to do with the next submit_sm: a list of behaviours, the last one stays.
let behaviours = [{}];
let bindStatus = 0;
let numbers = 0;
let idFormat = 'decimal';

const nextBehaviour = () => (behaviours.length > 1 ? behaviours.shift() : behaviours[0]);

const nextId = () => {
  numbers += 1;
  const value = 0xA0000 + numbers;
  return idFormat === 'hex' ? value.toString(16).toUpperCase() : String(value);
};

const inReceipt = (id, format) => (format === 'decimal_of_hex' ? String(parseInt(id, 16)) : id);

const receipt = (session, pdu, id, options) => {
  const stat = options.stat || 'DELIVRD';
  const values = {
    source_addr_ton: pdu.dest_addr_ton,
    source_addr: pdu.destination_addr,
    dest_addr_ton: pdu.source_addr_ton,
    destination_addr: pdu.source_addr,
    esm_class: 4,
    short_message: options.text !== undefined ? options.text
      : `id:${inReceipt(id, options.format)} sub:001 dlvrd:001 submit date:2611031000 done date:2611031001 ` +
        `stat:${stat} err:${options.err || '000'} text:Hello`,
  };
  if (options.tlvs) {
    values.receipted_message_id = id;
    values.message_state = options.state || 2;
  }
  session.deliver_sm(values, (answer) => say({event: 'deliver_resp', status: answer.command_status}));
};

const raw = (value) => (Buffer.isBuffer(value) ? value : Buffer.from(value || ''));

const submit = (session, pdu) => {
  const behaviour = nextBehaviour();
  const id = behaviour.id !== undefined ? behaviour.id : nextId();
  const body = pdu.short_message || {};
  say({
    event: 'submit',
    id,
    source: pdu.source_addr,
    source_ton: pdu.source_addr_ton,
    source_npi: pdu.source_addr_npi,
    destination: pdu.destination_addr,
    dest_ton: pdu.dest_addr_ton,
    text: body.message === undefined ? '' : String(body.message),
    udh: (body.udh || []).map((one) => raw(one).toString('hex')),
    data_coding: pdu.data_coding,
    esm_class: pdu.esm_class,
    registered_delivery: pdu.registered_delivery,
    service_type: pdu.service_type,
    sequence: pdu.sequence_number,
  });
  if (behaviour.drop) {
    session.destroy();
    return;
  }
  if (behaviour.receipt && behaviour.receipt.before) receipt(session, pdu, id, behaviour.receipt);
  const answer = () => {
    if (behaviour.status) session.send(pdu.response({command_status: behaviour.status}));
    else session.send(pdu.response({message_id: id}));
    if (behaviour.receipt && !behaviour.receipt.before) {
      for (let n = 0; n < (behaviour.receipt.times || 1); n++) receipt(session, pdu, id, behaviour.receipt);
    }
    if (behaviour.drop_after) session.destroy();
  };
  if (!behaviour.silent) setTimeout(answer, behaviour.wait || 0);
};

// Over TLS, where a file with key and certificate is named.
const pem = process.env.SMSC_PEM && fs.readFileSync(process.env.SMSC_PEM);
const server = smpp.createServer(pem ? {key: pem, cert: pem} : {}, (session) => {
  sessions.add(session);
  session.on('error', () => {});
  session.on('close', () => {
    sessions.delete(session);
    say({event: 'close'});
  });
  for (const mode of ['transceiver', 'transmitter', 'receiver']) {
    session.on(`bind_${mode}`, (pdu) => {
      say({
        event: 'bind', mode, system_id: pdu.system_id, password: pdu.password, system_type: pdu.system_type,
        version: pdu.interface_version, status: bindStatus,
      });
      if (!bindStatus) session.receives = mode !== 'transmitter';
      session.send(pdu.response({command_status: bindStatus, system_id: 'smsc'}));
    });
  }
  session.on('submit_sm', (pdu) => submit(session, pdu));
  session.on('enquire_link', (pdu) => {
    say({event: 'enquire_link'});
    session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    say({event: 'unbind'});
    session.send(pdu.response());
    session.close();
  });
});

const commands = {
  behave: (line) => { behaviours = line.behaviours; },
  bind_status: (line) => { bindStatus = line.status; },
  ids: (line) => { idFormat = line.format; },
  deliver: (line) => {
    const values = Object.assign({}, line.values);
    if (line.udh) values.short_message = {udh: Buffer.from(line.udh, 'hex'), message: Buffer.from(line.octets, 'hex')};
    else if (line.octets) values.short_message = {message: Buffer.from(line.octets, 'hex')};
    const [session] = [...sessions].filter((one) => one.receives);
    session.deliver_sm(values, (answer) => say({event: 'deliver_resp', status: answer.command_status}));
  },
  enquire: () => {
    for (const session of sessions) session.enquire_link(() => say({event: 'enquire_link_resp'}));
  },
  unbind: () => {
    for (const session of sessions) session.unbind(() => { say({event: 'unbind_resp'}); session.close(); });
  },
  drop: () => { for (const session of sessions) session.destroy(); },
  query: () => {
    for (const session of sessions) {
      session.query_sm({message_id: '1'}, (answer) => say({event: 'answer', command: answer.command, status: answer.command_status}));
    }
  },
};

readline.createInterface({input: process.stdin}).on('line', (text) => {
  const line = JSON.parse(text);
  commands[line.do](line);
  say({event: 'done'});
}).on('close', () => process.exit(0));

server.listen(0, '127.0.0.1', () => say({event: 'listening', port: server.address().port}));
