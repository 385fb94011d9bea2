import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { en, type Text } from "./en.ts";
import { createFormat, type Format } from "./format.ts";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

/** English is there at once; another language is a chunk of its own. */
const LOADERS: Record<Language, () => Promise<Text>> = {
  en: () => Promise.resolve(en),
  de: () => import("./de.ts").then((module) => module.de),
};

const STORED_KEY = "bothy-language";

function isLanguage(text: string | null | undefined): text is Language {
  return text !== null && text !== undefined && Object.hasOwn(LANGUAGES, text);
}

function firstLanguage(): Language {
  const stored = localStorage.getItem(STORED_KEY);
  if (isLanguage(stored)) return stored;
  const wanted = navigator.language.slice(0, 2);
  return isLanguage(wanted) ? wanted : "en";
}

interface LanguageState {
  readonly text: Text;
  readonly format: Format;
  readonly language: Language;
  readonly setLanguage: (language: Language) => void;
}

const LanguageContext = createContext<LanguageState>({ text: en, format: createFormat(en), language: "en", setLanguage: () => undefined });

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(firstLanguage);
  const [text, setText] = useState(en);
  useEffect(() => {
    let current = true;
    void LOADERS[language]().then((loaded) => {
      if (!current) return;
      document.documentElement.lang = language;
      setText(loaded);
    });
    return () => {
      current = false;
    };
  }, [language]);
  const state = useMemo<LanguageState>(
    () => ({
      text,
      format: createFormat(text),
      language,
      setLanguage: (next) => {
        localStorage.setItem(STORED_KEY, next);
        setLanguage(next);
      },
    }),
    [text, language],
  );
  return <LanguageContext value={state}>{children}</LanguageContext>;
}

export const useText = (): Text => useContext(LanguageContext).text;
export const useFormat = (): Format => useContext(LanguageContext).format;
export const useLanguage = (): LanguageState => useContext(LanguageContext);
