import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Link } from "wouter";
import { PageState } from "../pattern/PageState.tsx";
import { useText } from "../text/language.tsx";
import { keepPageFault } from "./page-faults.ts";
import { refusalOf } from "./peer-store.ts";

function Undrawn({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const text = useText();
  const { title, why, said } = text.states.undrawn;
  return (
    <>
      <h1 className="b-sr">{title}</h1>
      <PageState
        state="broken"
        title={title}
        why={why}
        detail={
          <dl className="b-facts">
            <dt>{text.common.code}</dt>
            <dd>{refusalOf(error).code}</dd>
            <dt>{said}</dt>
            <dd>{error instanceof Error ? error.message : String(error)}</dd>
          </dl>
        }
      >
        <Button onClick={onRetry}>{text.common.tryAgain}</Button>
        <Button component={Link} href="/settings" variant="default">
          {text.settings.report}
        </Button>
      </PageState>
    </>
  );
}

interface Props {
  readonly location: string;
  readonly children: ReactNode;
}
interface State {
  readonly fault: { readonly error: unknown } | null;
  readonly location: string;
}

/**
 * Keeps a page that throws while it is drawn from taking the whole app with it. What is drawn comes from strangers: the readers of their
 * documents are the first wall, and this is the second. Another place begins anew.
 */
export class PageBoundary extends Component<Props, State> {
  override state: State = { fault: null, location: this.props.location };

  static getDerivedStateFromProps({ location }: Props, state: State): State | null {
    return location === state.location ? null : { fault: null, location };
  }

  static getDerivedStateFromError(error: unknown): Pick<State, "fault"> {
    return { fault: { error } };
  }

  override componentDidCatch(error: unknown): void {
    keepPageFault(this.props.location, error, Date.now());
  }

  override render(): ReactNode {
    const { fault } = this.state;
    if (fault === null) return this.props.children;
    return <Undrawn error={fault.error} onRetry={() => this.setState({ fault: null })} />;
  }
}
