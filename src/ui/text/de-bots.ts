import type { bots as english } from "./en-bots.ts";

export const bots: typeof english = {
  title: "BoTs",
  lede: "Jeder ist ein eigenes Ledger mit eigenen Leuten und Geräten. Dieser Tab ist Peer von einem zur Zeit.",
  newBot: "Neuer BoT",
  kinds: { public: "Öffentlich", consortium: "Konsortium", private: "Privat" },
  here: "Jetzt offen",
  ofRelay: "vom Relay hinter dieser Seite",
  openIt: "Öffnen",
  forget: "Vergessen",
  forgetTitle: (name) => `${name} vergessen?`,
  forgetWhy:
    "Sein Ledger hier geht verloren, ebenso die Schlüssel des Sitzes, den dieser Tab darin hat. Ist es der einzige Sitz, wird dort nichts mehr endgültig. Zurück kommst du nur mit einer Einladung.",
  none: "Hier ist noch kein BoT bekannt",
  join: "Mit einer Einladung beitreten",
  joinTells: "Füge den Link ein, den dir jemand gegeben hat, oder was darin hinter #/join/ steht.",
  invite: "Einladung",
  look: "Ansehen",
  noInvite: "Diese Einladung führt nirgendwohin",
  joinTitle: (name) => `${name} beitreten?`,
  joinWhat: {
    public: "Alle dürfen mitmachen. Dieser Tab verlässt den BoT, der jetzt offen ist, und kann jederzeit zurück.",
    consortium:
      "Seine Mitglieder entscheiden, wer dabei ist. Bis sie dein Konto aufgenommen haben, weisen seine Peers dich ab, und du siehst nichts davon.",
    private:
      "Wem er gehört, entscheidet, wer dabei ist. Bis dein Konto aufgenommen ist, weisen seine Peers dich ab, und du siehst nichts davon.",
  },
  joinAt: (height) => `Die Einladung entstand bei Block ${height}; ein Ledger, das dort einen anderen Block hat, wird nicht genommen.`,
  joinNow: "Beitreten",
  already: "Du bist schon dabei.",
  steps: (step, of) => `Schritt ${step} von ${of}, noch ist nichts angelegt`,
  next: "Weiter",
  back: "Zurück",
  questions: {
    who: {
      title: "Wer macht mit?",
      answers: {
        own: { name: "Nur meine eigenen Geräte", tells: "Telefone, Tablets und Gateways, die alle dir gehören." },
        named: { name: "Leute, die ich nennen kann", tells: "Ein Haushalt, eine Klasse, ein paar Firmen." },
        anyone: { name: "Alle mit dem Link", tells: "Auch Fremde. Jeder bekommt einen Sitz und eine Stimme." },
      },
    },
    decides: {
      title: "Wer entscheidet, wer dabei ist?",
      answers: {
        me: { name: "Ich allein", tells: "Du lässt ein und schickst weg, sofort." },
        members: { name: "Die Mitglieder zusammen", tells: "Zwei Drittel von ihnen müssen zustimmen." },
        nobody: { name: "Niemand muss", tells: "Wer kommt, ist dabei und hat dieselben Rechte." },
      },
    },
    asleep: {
      title: "Wie oft schlafen die Geräte?",
      answers: {
        rarely: { name: "Selten", tells: "Die meisten sind Tag und Nacht an." },
        often: { name: "Oft", tells: "Telefone und Laptops, die kommen und gehen; manchmal sind fast alle aus." },
      },
    },
  },
  pointsTo: "Bisher spricht das für",
  recommended: "Empfohlen",
  reasons: {
    anyone: "Fremde machen mit, also kann niemand für sie bürgen.",
    nobodyDecides: "Niemand muss entscheiden, wer dabei ist.",
    own: "Alles davon gehört dir, also reicht dein Wort.",
    oneDecides: "Eine Person entscheidet für alle.",
    sleepers: "Die Geräte schlafen oft, und ein Konsortium wartet, wenn ein Drittel fehlt. Stattdessen hält eine Person die Regeln.",
    members: "Ihr kennt euch und entscheidet zusammen.",
  },
  goods: {
    public: [
      "Alle haben dasselbe Recht auf einen Sitz und eine Stimme.",
      "Er läuft weiter, wenn die meisten schlafen oder weg sind, und sagt, wie sicher er ist.",
      "Token schützen ihn vor Überflutung: Alle bekommen ein Startguthaben.",
    ],
    consortium: [
      "Die Mitglieder kennen sich, also muss niemand eine Stimme kaufen. Es gibt keine Token.",
      "Fremde werden abgewiesen und lesen nichts.",
      "Endgültig, sobald mehr als zwei Drittel der Sitze unterschrieben haben.",
    ],
    private: [
      "Dein Wort allein lässt jemanden ein oder schickt ihn weg.",
      "Fremde werden abgewiesen und lesen nichts; auch kein Relay.",
      "Er läuft weiter, wenn die meisten Geräte schlafen.",
    ],
  },
  bads: {
    public: "Alles darin können alle lesen.",
    consortium: "Er hält an, statt zu raten, solange ein Drittel der Sitze oder mehr fehlt.",
    private: "Ohne den Schlüssel deines Kontos kann niemand mehr jemanden einlassen: Bewahre seine Wörter auf.",
  },
  makeTitle: "Benennen und anlegen",
  kind: "Art",
  name: "Name",
  nameTells: "Alle darin sehen ihn. Er lässt sich später nicht ändern.",
  tokens: "Mit Token",
  tokensTell:
    "Jedes Konto bekommt ein Startguthaben, Senden kostet ein wenig, Sitze brauchen ein Pfand. Lass es aus, wenn du allen darin traust.",
  make: "Gründen",
  makeTells: "Dieser Tab nimmt den ersten Sitz und öffnet den neuen BoT. Der jetzt offene bleibt, wie er ist.",
  cannotMake: "An dieser Adresse enden die Schlüssel mit dem Tab, und der neue BoT mit ihnen. Öffne die App über https.",
  notMember: "Du bist noch kein Mitglied",
  notMemberTells:
    "Die Peers dieses BoT lassen nur ein, wen sie kennen. Zeig dies einem Mitglied, das dein Konto aufnehmen kann; diese Seite macht dann von selbst weiter.",
  yourAccount: "Dein Konto",
  accountQr: "QR-Code deines Kontos",
  copyAccount: "Konto kopieren",
  otherBots: "Andere BoTs",
  inviteFor: {
    consortium: "Wer dies öffnet, kann um Aufnahme bitten. Die Mitglieder nehmen das Konto auf der Seite Regeln durch Abstimmung auf.",
    private: "Wer dies öffnet, kann um Aufnahme bitten. Du nimmst das Konto auf der Seite Regeln auf.",
  },
  gets: {
    consortium: ["um Aufnahme bitten; vorher lesen sie nichts", "dann tun, was ihre Rollen erlauben", "nichts mit dem, was dir gehört"],
    private: ["um Einlass bitten; vorher lesen sie nichts", "dann tun, was du erlaubst", "nichts mit dem, was dir gehört"],
  },
  secretLink: "Gib diesen Link nur denen, die du meinst: Er unterscheidet sie von Fremden.",
  noTokens: "Dieser BoT hat keine Token",
  noTokensTell: "Hier kostet nichts etwas, und niemand braucht ein Wallet.",
};
