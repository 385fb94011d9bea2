/** What the language gives, which must be the same everywhere: numbers, texts, orders, limits. */
import type { Attack } from "./attack.suite.ts";

export const PROBES: readonly Attack[] = [
  { name: "globals", by: "script", ends: "result", code: "Object.getOwnPropertyNames(globalThis).sort().join()" },
  {
    name: "intl",
    by: "script",
    ends: "result",
    code: "[typeof Intl,(1234567.891).toLocaleString('de'),['\u00e4','z','a'].sort((x,y)=>x.localeCompare(y)).join(),'I\u0130'.toLocaleLowerCase('tr')].join('|')",
  },
  { name: "random", by: "script", ends: "contract-error", code: "[Math.random(),Math.random()].join()" },
  {
    name: "nan",
    by: "script",
    ends: "result",
    code: "(()=>{const z=globalThis.zz||0; const f=new Float64Array([0/z,-(0/z),Infinity-Infinity,Math.sqrt(-1),NaN,0*Infinity,Infinity%1,parseFloat('x'),Math.log(-1),Math.asin(2),Math.pow(-1,.5)]);const g=new Float32Array(f);return [...new BigUint64Array(f.buffer)].map(x=>x.toString(16)).join()+'|'+[...new Uint32Array(g.buffer)].map(x=>x.toString(16)).join()})()",
  },
  {
    name: "nan2",
    by: "script",
    ends: "result",
    code: "(()=>{const u=new BigUint64Array([0xfff8000000000001n,0x7ff0000000000001n]);const f=new Float64Array(u.buffer);const h=f.slice();const k=f.map(x=>x);const a=new Float64Array([f[0],f[1],f[0]+1]);return [h,k,a].map(t=>[...new BigUint64Array(t.buffer)].map(x=>x.toString(16)).join()).join('|')})()",
  },
  {
    name: "math",
    by: "script",
    ends: "result",
    code: "[Math.sin(1e10),Math.cos(0.1),Math.tan(1.5),Math.exp(1.1),Math.log(3),Math.pow(1.1,20.5),Math.cbrt(7),Math.hypot(3,4.5),Math.atan2(1,3),Math.sinh(1),Math.expm1(1e-5),1e21%7,0.1+0.2].join()",
  },
  {
    name: "numfmt",
    by: "script",
    ends: "result",
    code: "[1/3,1e21,1e-7,123456789.123,5e-324,1.7976931348623157e308,(0.000001234).toString(),(255).toString(36),(0.1).toString(2),(1.005).toFixed(2),(12345.6789).toExponential(3),(1e-10).toPrecision(4)].join()",
  },
  {
    name: "stack",
    by: "script",
    ends: "result",
    code: "(()=>{function a(){throw new Error('x')} function b(){a()} try{b()}catch(e){return e.stack}})()",
  },
  {
    name: "order",
    by: "script",
    ends: "result",
    code: "JSON.stringify({b:1,2:1,a:1,1:1,[Symbol.iterator]:2})+[...new Map([[3,1],[1,2]]).keys()].join()+Object.keys({z:1,y:2,10:1,9:1}).join()",
  },
  {
    name: "sortstable",
    by: "script",
    ends: "result",
    code: "(()=>{const a=Array.from({length:3000},(_, i)=>({k:i%7,i}));a.sort((x,y)=>x.k-y.k);return a.every((x,i)=>!i||a[i-1].k<x.k||a[i-1].i<x.i)})()",
  },
  {
    name: "incsort",
    by: "script",
    ends: "result",
    code: "(()=>{let s=1;const a=Array.from({length:500},(_, i)=>i);a.sort(()=>((s=s*16807%2147483647)&1)?1:-1);return a.slice(0,20).join()})()",
  },
  {
    name: "weakref",
    by: "script",
    ends: "result",
    code: "typeof WeakRef+','+typeof FinalizationRegistry+','+typeof SharedArrayBuffer+','+typeof Atomics+','+typeof performance+','+typeof queueMicrotask+','+typeof gc",
  },
  { name: "fnToString", by: "script", ends: "result", code: "(function  f ( a ){ /*c*/ }).toString()" },
  {
    name: "depth",
    by: "script",
    ends: "result",
    code: "(()=>{let d=0;function f(){d++;f()} try{f()}catch(e){return d+' '+e.name+': '+e.message}})()",
  },
  {
    name: "depthBig",
    by: "script",
    ends: "result",
    code: "(()=>{let d=0;function f(a,b,c,e,g,h){var x=[a,b,c],y={a,b};d++;f(x,y,1,2,3,4)} try{f()}catch(e){return d+' '+e.name+': '+e.message}})()",
  },
  {
    name: "regex",
    by: "script",
    ends: "result",
    code: "[/(?<y>\\d{4})-\\p{L}+/u.exec('2020-äß').groups.y,'aBc'.replace(/b/i,x=>x+x),/\\bfoo\\b/y.flags].join()",
  },
  {
    name: "oom",
    by: "script",
    ends: "result",
    code: "(()=>{const a=[];try{for(;;)a.push(new Uint8Array(100000))}catch(e){return a.length+' '+(e&&e.name)+': '+(e&&e.message)}})()",
  },
  {
    name: "oomStr",
    by: "script",
    ends: "out-of-gas",
    code: "(()=>{let n=0;const a=[];try{for(;;){a.push('x'.repeat(1000)+n);n++}}catch(e){return n+' '+(e&&e.name)+': '+(e&&e.message)}})()",
  },
];
