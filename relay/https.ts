export interface Https {
  readonly lan: readonly string[];
  readonly credentials: { readonly key: string; readonly cert: string };
  guide(options: { readonly host: string; readonly port: number; readonly app: string }): Promise<() => void>;
}
export declare function openHttps(folder: string, lan: readonly string[]): Promise<Https>;
