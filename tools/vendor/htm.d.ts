// htm's file with preact in it has no types of its own: its templates are untyped anyway.
export const html: (strings: TemplateStringsArray, ...values: any[]) => any;
export const render: (tree: any, parent: Element) => void;
export const useState: <T>(first: T) => [T, (next: T | ((old: T) => T)) => void];
export const useEffect: (effect: () => void | (() => void), on?: unknown[]) => void;
export const useLayoutEffect: typeof useEffect;
export const useMemo: <T>(make: () => T, on: unknown[]) => T;
export const useRef: <T>(first: T) => { current: T };
